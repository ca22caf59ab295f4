/* Sparse matrices: every operation beside a dense twin. */
#include "twin.h"

enum { ROWS = 23, COLUMNS = 31 };

static value *at(value *x, int columns, int i, int j) { return &x[(long)i * columns + j]; }

/* A matrix with one element in four, and all of its diagonal; each rank adds some rows of any. */
static int build(int type, int rows, int columns, value *x, int is_wide)
{
    char element[16];
    int s = is_wide ? NGA_Sprs_array_create64(rows, columns, type) : NGA_Sprs_array_create(rows, columns, type);
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < columns; j++) {
            int is_there = random_number(4) == 0 || i == j;
            *at(x, columns, i, j) = is_there ? not_zero(type) : 0;
            if (!is_there || (i + 3 * j) % ranks != me) continue;
            store(type, element, *at(x, columns, i, j));
            if (is_wide) NGA_Sprs_array_add_element64(s, i, j, element);
            else NGA_Sprs_array_add_element(s, i, j, element);
        }
    CHECK(NGA_Sprs_array_assemble(s));
    return s;
}

/* All blocks, copied, make the dense matrix. */
static void same_sparse(int s, int type, int rows, int columns, const value *x, const char *what)
{
    value *got = calloc((size_t)rows * (size_t)columns, sizeof *got);
    GA_Sync();
    for (int row_block = 0; row_block < ranks; row_block++)
        for (int column_block = 0; column_block < ranks; column_block++) {
            int *offsets, *where, ilo, ihi, jlo, jhi, lo, hi;
            int64_t *offsets64, *where64, ilo64, ihi64, jlo64, jhi64;
            void *values, *values64;
            int there = NGA_Sprs_array_get_block(s, row_block, column_block, &offsets, &where, &values, &ilo, &ihi, &jlo, &jhi);
            CHECK(there == NGA_Sprs_array_get_block64(s, row_block, column_block, &offsets64, &where64, &values64, &ilo64, &ihi64,
                                                      &jlo64, &jhi64));
            NGA_Sprs_array_row_distribution(s, row_block, &lo, &hi);
            CHECK(lo == ilo && hi == ihi && lo == ilo64 && hi == ihi64);
            NGA_Sprs_array_column_distribution(s, column_block, &lo, &hi);
            CHECK(lo == jlo && hi == jhi && lo == jlo64 && hi == jhi64);
            if (!there) {
                CHECK(!offsets && !where && !values);
                continue;
            }
            for (int i = ilo; i <= ihi; i++)
                for (int e = offsets[i - ilo]; e < offsets[i - ilo + 1]; e++) {
                    CHECK(offsets64[i - ilo] == offsets[i - ilo] && where64[e] == where[e]);
                    CHECK(where[e] >= jlo && where[e] <= jhi);
                    *at(got, columns, i, where[e]) += load(type, (char *)values + (size_t)e * size_of(type));
                }
            free(offsets);
            free(where);
            free(values);
            free(offsets64);
            free(where64);
            free(values64);
        }
    for (long e = 0; e < (long)rows * columns; e++)
        CHECK(cabs(got[e] - x[e]) <= 1e-5 * fmax(1, cabs(x[e])), "%s: type %d, element %ld: %g%+gi, not %g%+gi", what, type, e,
              creal(got[e]), cimag(got[e]), creal(x[e]), cimag(x[e]));
    free(got);
    GA_Sync();
}

/* The blocks of this rank in place, in both widths, are the copies. */
static void in_place(int s, int type)
{
    int *list, n, seen = 0;
    NGA_Sprs_array_col_block_list(s, &list, &n);
    for (int block = 0; block < ranks; block++) {
        int *offsets, *where, *offsets_copied, *where_copied, ilo, ihi, jlo, jhi, is_listed = 0;
        long *offsets64, *where64;
        void *values, *values64, *copied;
        for (int k = 0; k < n; k++) is_listed |= list[k] == block;
        NGA_Sprs_array_access_col_block(s, block, &offsets, &where, &values);
        NGA_Sprs_array_access_col_block64(s, block, &offsets64, &where64, &values64);
        CHECK((values != NULL) == is_listed && values == values64);
        int there = NGA_Sprs_array_get_block(s, me, block, &offsets_copied, &where_copied, &copied, &ilo, &ihi, &jlo, &jhi);
        CHECK(there == is_listed);
        if (!there) continue;
        seen++;
        int len = offsets_copied[ihi - ilo + 1];
        for (int i = 0; i <= ihi - ilo + 1; i++) CHECK(offsets[i] == offsets_copied[i] && offsets64[i] == offsets_copied[i]);
        for (int e = 0; e < len; e++) CHECK(where[e] == where_copied[e] && where64[e] == where_copied[e]);
        CHECK(!memcmp(values, copied, (size_t)len * size_of(type)));
        free(offsets_copied);
        free(where_copied);
        free(copied);
    }
    CHECK(seen == n);
    free(list);
    GA_Sync();
}

static void multiply(int rows, int inner, int columns, value *a, value *b, value *c)
{
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < columns; j++) {
            value sum = 0;
            for (int l = 0; l < inner; l++) sum += *at(a, inner, i, l) * *at(b, columns, l, j);
            *at(c, columns, i, j) = sum;
        }
}

/* A dense array that an operation made. */
static void same_dense(int handle, int type, int ndim, int rows, int columns, value *x, const char *what)
{
    twin t = { .handle = handle, .type = type, .ndim = ndim, .dims = { rows, columns }, .len = (long)rows * columns, .x = x };
    CHECK(GA_Ndim(handle) == ndim);
    same(&t, what);
    GA_Destroy(handle);
}

static void operations(int type, int is_wide)
{
    static value a[ROWS * COLUMNS], b[COLUMNS * ROWS], c[ROWS * ROWS], x[ROWS * COLUMNS];
    char shift[16];
    int rows = ROWS, columns = COLUMNS, handle, wide_shape[] = { COLUMNS, 5 }, tall_shape[] = { 4, ROWS };
    int s = build(type, ROWS, COLUMNS, a, is_wide), t = build(type, COLUMNS, ROWS, b, !is_wide), u;
    same_sparse(s, type, ROWS, COLUMNS, a, "elements");
    in_place(s, type);

    twin v = make(type, 1, &columns, REGULAR), w = make(type, 1, &rows, IRREGULAR);
    NGA_Sprs_array_matvec_multiply(s, v.handle, w.handle);
    multiply(ROWS, COLUMNS, 1, a, v.x, w.x);
    same(&w, "matrix times vector");

    u = NGA_Sprs_array_matmat_multiply(s, t);
    multiply(ROWS, COLUMNS, ROWS, a, b, c);
    same_sparse(u, type, ROWS, ROWS, c, "product");
    CHECK(NGA_Sprs_array_destroy(u));

    twin d = make(type, 2, wide_shape, REGULAR), e = make(type, 2, tall_shape, REGULAR);
    handle = NGA_Sprs_array_sprsdns_multiply(s, d.handle);
    multiply(ROWS, COLUMNS, 5, a, d.x, x);
    same_dense(handle, type, 2, ROWS, 5, x, "sparse times dense");
    handle = NGA_Sprs_array_dnssprs_multiply(e.handle, s);
    multiply(4, ROWS, COLUMNS, e.x, a, x);
    same_dense(handle, type, 2, 4, COLUMNS, x, "dense times sparse");
    handle = NGA_Sprs_array_create_from_sparse(s);
    same_dense(handle, type, 2, ROWS, COLUMNS, a, "dense from sparse");

    int shape[] = { ROWS, COLUMNS };
    twin dense = make(type, 2, shape, REGULAR);
    memcpy(dense.x, a, sizeof a);
    put_twin(&dense);
    u = is_wide ? NGA_Sprs_array_create_from_dense64(dense.handle) : NGA_Sprs_array_create_from_dense(dense.handle);
    same_sparse(u, type, ROWS, COLUMNS, a, "sparse from dense");
    int product = NGA_Sprs_array_elementwise_multiply(s, u);
    for (int k = 0; k < ROWS * COLUMNS; k++) x[k] = a[k] * a[k];
    same_sparse(product, type, ROWS, COLUMNS, x, "product of elements");
    NGA_Sprs_array_destroy(product);
    NGA_Sprs_array_destroy(u);

    u = NGA_Sprs_array_duplicate(s);
    store(type, shift, 3);
    NGA_Sprs_array_shift_diag(u, shift);
    memcpy(x, a, sizeof a);
    for (int i = 0; i < ROWS; i++) *at(x, COLUMNS, i, i) += 3;
    same_sparse(u, type, ROWS, COLUMNS, x, "shifted diagonal");
    same_sparse(s, type, ROWS, COLUMNS, a, "the duplicate's original");
    NGA_Sprs_array_get_diag(u, &handle);
    value diagonal[ROWS];
    for (int i = 0; i < ROWS; i++) diagonal[i] = *at(x, COLUMNS, i, i);
    same_dense(handle, type, 1, ROWS, 1, diagonal, "diagonal");
    for (int j = 0; j < COLUMNS; j += 7) {
        value column[ROWS];
        for (int i = 0; i < ROWS; i++) column[i] = *at(x, COLUMNS, i, j);
        handle = is_wide ? NGA_Sprs_array_get_column64(u, j) : NGA_Sprs_array_get_column(u, j);
        same_dense(handle, type, 1, ROWS, 1, column, "column");
    }
    store(type, shift, 2);
    NGA_Sprs_array_scale(u, shift);
    for (int k = 0; k < ROWS * COLUMNS; k++) x[k] *= 2;
    same_sparse(u, type, ROWS, COLUMNS, x, "scaled");

    /* A sketch: rows are added up, with signs, where it says that they went; as the seed says, and another one otherwise. */
    int where[2][ROWS], signs, sizes[ROWS] = { 0 }, rows_last = ROWS - 1, zero = 0, height = 6, none;
    char sign[ROWS * 16];
    for (int seed = 0; seed < 2; seed++) {
        static value sketch[ROWS * COLUMNS];
        GA_Rand(77 + 1000 * seed + me);
        int sketched = NGA_Sprs_array_count_sketch(u, height, &handle, &signs);
        CHECK(sketched && handle && signs);
        NGA_Get(handle, &zero, &rows_last, where[seed], &none);
        NGA_Get(signs, &zero, &rows_last, sign, &none);
        memset(sketch, 0, sizeof sketch);
        for (int i = 0; i < ROWS; i++) {
            value s_i = load(type, sign + (size_t)i * size_of(type));
            CHECK(where[seed][i] >= 0 && where[seed][i] < height && (s_i == 1 || s_i == -1));
            sizes[where[seed][i]]++;
            for (int j = 0; j < COLUMNS; j++) *at(sketch, COLUMNS, where[seed][i], j) += s_i * *at(x, COLUMNS, i, j);
        }
        same_dense(sketched, type, 2, height, COLUMNS, sketch, "sketch");
        GA_Sync();
        GA_Destroy(handle);
        GA_Destroy(signs);
    }
    CHECK(memcmp(where[0], where[1], sizeof where[0]) && sizes[0] < 2 * ROWS, "one seed's rows are another's");
    randomize(&w);
    NGA_Sprs_array_diag_left_multiply(u, w.handle);
    NGA_Sprs_array_diag_right_multiply(u, v.handle);
    for (int i = 0; i < ROWS; i++)
        for (int j = 0; j < COLUMNS; j++) *at(x, COLUMNS, i, j) *= w.x[i] * v.x[j];
    same_sparse(u, type, ROWS, COLUMNS, x, "rows and columns scaled");
    NGA_Sprs_array_destroy(u);

    /* The product of two dense matrices, where a sparse one has elements. */
    u = NGA_Sprs_array_duplicate(s);
    int left_shape[] = { ROWS, 6 }, right_shape[] = { COLUMNS, 6 };
    twin left = make(type, 2, left_shape, REGULAR), right = make(type, 2, right_shape, REGULAR);
    NGA_Sprs_array_sampled_multiply(left.handle, right.handle, u, 1);
    for (int i = 0; i < ROWS; i++)
        for (int j = 0; j < COLUMNS; j++) {
            value sum = 0;
            for (int l = 0; l < 6; l++) sum += *at(left.x, 6, i, l) * *at(right.x, 6, j, l);
            *at(x, COLUMNS, i, j) = *at(a, COLUMNS, i, j) == 0 ? 0 : sum;
        }
    same_sparse(u, type, ROWS, COLUMNS, x, "sampled product");
    NGA_Sprs_array_destroy(u);
    drop(&left);
    drop(&right);

    if (!IS_COMPLEX(type)) {
        int64_t list[COLUMNS], *categories = list, features = COLUMNS, n = 0;
        store(type, shift, 7);
        u = NGA_Sprs_array_quantize256(s, shift);
        for (int k = 0; k < ROWS * COLUMNS; k++) {
            double y = creal(a[k]);
            x[k] = y >= 7 ? 255 : y > 0 ? trunc(y / 7 * 255) : 0;
        }
        same_sparse(u, type, ROWS, COLUMNS, x, "levels");
        NGA_Sprs_array_destroy(u);
        u = NGA_Sprs_array_duplicate(s);
        store(type, shift, -6);
        for (int j = 0; j < COLUMNS; j++) list[j] = j;
        NGA_Sprs_array_activate_ReLU64(u, shift, &categories, &features);
        for (int k = 0; k < ROWS * COLUMNS; k++) x[k] = a[k] == 0 ? 0 : fmin(fmax(creal(a[k]) - 6, 0), 32);
        same_sparse(u, type, ROWS, COLUMNS, x, "activated");
        for (int j = 0; j < COLUMNS; j++) {
            int is_active = 0;
            for (int i = 0; i < ROWS; i++) is_active |= *at(x, COLUMNS, i, j) != 0;
            if (is_active) CHECK(n < features && list[n++] == j);
        }
        CHECK(n == features);
        NGA_Sprs_array_destroy(u);
    }
    drop(&v);
    drop(&w);
    drop(&d);
    drop(&e);
    drop(&dense);
    NGA_Sprs_array_destroy(s);
    NGA_Sprs_array_destroy(t);
}

/* The file has the elements, from 1 on. */
static void exported(void)
{
    static value x[ROWS * COLUMNS];
    const char *path = getenv("SPARSE_TEST_FILE");
    int s = build(C_INT, ROWS, COLUMNS, x, 0);
    if (!path) path = "sparse.mtx";
    NGA_Sprs_array_export(s, path);
    if (me == 0) {
        int rows, columns, i, j, y;
        long count, elements = 0;
        char line[256];
        FILE *file = fopen(path, "r");
        CHECK(file && fgets(line, sizeof line, file) && !strncmp(line, "%%MatrixMarket matrix coordinate integer general", 48));
        CHECK(fscanf(file, "%d %d %ld", &rows, &columns, &count) == 3 && rows == ROWS && columns == COLUMNS);
        while (fscanf(file, "%d %d %d", &i, &j, &y) == 3) {
            CHECK(y == creal(*at(x, COLUMNS, i - 1, j - 1)));
            elements++;
        }
        for (int k = 0; k < ROWS * COLUMNS; k++) elements -= x[k] != 0;
        CHECK(elements == 0);
        fclose(file);
        remove(path);
    }
    NGA_Sprs_array_destroy(s);
}

int main(int argc, char **argv)
{
    begin(&argc, &argv);
    for (int t = 0; t < TYPES; t++)
        for (int is_wide = 0; is_wide < 2; is_wide++) operations(all_types[t], is_wide);
    exported();
    return finish();
}
