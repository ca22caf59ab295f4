"""NumPy's own tests of indexing and shapes have the verdicts that are listed. (`own.py` runs the other files, and all of them on several ranks.)"""

import pytest

import own


@pytest.mark.parametrize("file", own.QUICK)
def test_has_the_verdicts_of_the_list(file):
    wrong = list(own.complaints(own.run([file])))
    assert not wrong, "\n".join(wrong)
