/* The C++ classes: arrays of both index types, copies, groups, services, against plain loops. */
#include <cmath>
#include <cstdio>
#include <vector>
#include "ga++.h"

static int me;

#define CHECK(condition) do { \
    if (!(condition)) { \
        std::fprintf(stderr, "rank %d: line %d: %s\n", me, __LINE__, #condition); \
        GA::SERVICES.error("check failed", 1); \
    } } while (0)

static char *text(const char *literal) { return const_cast<char *>(literal); }

static void work()
{
    int dims[2] = {12, 10}, chunk[2] = {-1, -1}, lo[2] = {0, 0}, hi[2] = {11, 9}, ld[1] = {10};
    int64_t wide[2] = {12, 10}, wide_lo[2] = {2, 3}, wide_hi[2] = {5, 7}, wide_ld[1] = {5};
    std::vector<double> all(120), part(20);
    double one = 1, two = 2, three = 3;
    GA::GlobalArray a(C_DBL, 2, dims, text("a"), chunk), b(a, text("b")), c(C_DBL, 2, wide, text("c"), static_cast<int64_t *>(NULL));
    for (int i = 0; i < 120; i++) all[i] = i;
    if (me == 0) a.put(lo, hi, &all[0], ld);
    GA::SERVICES.sync();
    b.fill(&three);
    c.add(&two, &a, &one, &b);
    c.get(wide_lo, wide_hi, &part[0], wide_ld);
    for (int i = 0; i < 20; i++) CHECK(part[i] == 2 * ((2 + i / 5) * 10 + 3 + i % 5) + 3);
    /* A copy has the values, and changes by itself. */
    {
        GA::GlobalArray d(c);
        c.zero();
        CHECK(d.ddot(&b) == 3 * (2 * 119 * 60 + 3 * 120) && c.ddot(&b) == 0);
        GA::GlobalArray *e = GA::createGA(&a, text("e"));
        e->copy(&d);
        e->scale(&two);
        CHECK(e->ddot(&b) == 2 * d.ddot(&b) && e->ndim() == 2 && e->compareDistr(&a) == 0);
        delete e;
    }
    /* Described, then made; transposed and multiplied. */
    GA::GlobalArray t, p;
    int turned[2] = {10, 12}, square[2] = {12, 12}, type, ndim, found[2];
    t.setData(2, turned, C_DBL);
    t.setArrayName(text("t"));
    CHECK(t.allocate());
    p.setData(2, square, C_DBL);
    CHECK(p.allocate());
    t.inquire(&type, &ndim, found);
    CHECK(type == C_DBL && ndim == 2 && found[0] == 10 && found[1] == 12);
    /* As the original has it, what is transposed is the object, and the argument is the result. */
    a.transpose(&t);
    p.dgemm('n', 'n', 12, 12, 10, 1.0, &a, &t, 0.0);
    std::vector<double> product(144);
    int plo[2] = {0, 0}, phi[2] = {11, 11}, pld[1] = {12};
    p.get(plo, phi, &product[0], pld);
    for (int i = 0; i < 12; i++) for (int j = 0; j < 12; j++) {
        double sum = 0;
        for (int k = 0; k < 10; k++) sum += all[i * 10 + k] * all[j * 10 + k];
        CHECK(std::fabs(product[i * 12 + j] - sum) < 1e-9 * (1 + sum));
    }
    /* Ghost cells, a counter, reductions, groups. */
    int width[2] = {1, 1}, zero[1] = {0}, single[1] = {1};
    GA::GlobalArray g(C_DBL, 2, dims, width, text("g"), chunk, 'g'), n(C_LONG, 1, single, text("n"), static_cast<int *>(NULL));
    CHECK(g.hasGhosts() && !a.hasGhosts());
    g.updateGhosts();
    n.zero();
    GA::sync();
    long number = n.readInc(zero, 1);
    CHECK(number >= 0 && number < GA::SERVICES.nodes());
    double sum = me;
    long most = me;
    GA::SERVICES.gop(&sum, 1, text("+"));
    GA::gop(&most, 1, text("max"));
    CHECK(sum == GA::nodes() * (GA::nodes() - 1) / 2 && most == GA::nodes() - 1 && GA::nodeid() == me);
    GA::PGroup *world = GA::PGroup::getWorld();
    CHECK(world->nodes() == GA::nodes() && world->nodeid() == me);
    int first = 0;
    {
        GA::PGroup alone(&first, 1);
        if (me == 0) {
            CHECK(alone.nodes() == 1);
            GA::GlobalArray mine(C_DBL, 2, dims, text("mine"), chunk, &alone);
            mine.fill(&three);
            alone.sync();
        }
        GA::SERVICES.sync();
    }
    b.destroy();
    CHECK(b.handle() == 0);
}

int main(int argc, char **argv)
{
    GA::Initialize(argc, argv, 100000, 100000, MT_C_DBL);
    me = GA::SERVICES.nodeid();
    work();
    std::printf("done \n");
    GA::Terminate();
    return 0;
}
