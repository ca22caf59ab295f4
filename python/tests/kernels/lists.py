"""Thirty kernels in explicit loops: dense algebra, solvers, stencils, data mining, dynamic programming. Lists or arrays, whichever they are called with."""

import math


def gemm(alpha, beta, C, A, B):
    for i in range(len(C)):
        for j in range(len(C[0])):
            C[i][j] *= beta
        for k in range(len(B)):
            for j in range(len(C[0])):
                C[i][j] += alpha * A[i][k] * B[k][j]


def syrk(alpha, beta, C, A):
    for i in range(len(A)):
        for j in range(i + 1):
            C[i][j] *= beta
        for k in range(len(A[0])):
            for j in range(i + 1):
                C[i][j] += alpha * A[i][k] * A[j][k]


def syr2k(alpha, beta, C, A, B):
    for i in range(len(A)):
        for j in range(i + 1):
            C[i][j] *= beta
        for k in range(len(A[0])):
            for j in range(i + 1):
                C[i][j] += A[j][k] * alpha * B[i][k] + B[j][k] * alpha * A[i][k]


def symm(alpha, beta, C, A, B):
    for i in range(len(C)):
        for j in range(len(C[0])):
            below = 0.0
            for k in range(i):
                C[k][j] += alpha * B[i][j] * A[i][k]
                below += B[k][j] * A[i][k]
            C[i][j] = beta * C[i][j] + alpha * B[i][j] * A[i][i] + alpha * below


def trmm(alpha, A, B):
    m = len(B)
    for i in range(m):
        for j in range(len(B[0])):
            for k in range(i + 1, m):
                B[i][j] += A[k][i] * B[k][j]
            B[i][j] = alpha * B[i][j]


def gemver(alpha, beta, A, u1, v1, u2, v2, w, x, y, z):
    n = len(A)
    for i in range(n):
        for j in range(n):
            A[i][j] = A[i][j] + u1[i] * v1[j] + u2[i] * v2[j]
    for i in range(n):
        for j in range(n):
            x[i] = x[i] + beta * A[j][i] * y[j]
    for i in range(n):
        x[i] = x[i] + z[i]
    for i in range(n):
        for j in range(n):
            w[i] = w[i] + alpha * A[i][j] * x[j]


def gesummv(alpha, beta, A, B, tmp, x, y):
    n = len(A)
    for i in range(n):
        tmp[i] = 0.0
        y[i] = 0.0
        for j in range(n):
            tmp[i] = A[i][j] * x[j] + tmp[i]
            y[i] = B[i][j] * x[j] + y[i]
        y[i] = alpha * tmp[i] + beta * y[i]


def mvt(x1, x2, y1, y2, A):
    n = len(A)
    for i in range(n):
        for j in range(n):
            x1[i] = x1[i] + A[i][j] * y1[j]
    for i in range(n):
        for j in range(n):
            x2[i] = x2[i] + A[j][i] * y2[j]


def atax(A, x, y, tmp):
    m, n = len(tmp), len(x)
    for i in range(n):
        y[i] = 0.0
    for i in range(m):
        tmp[i] = 0.0
        for j in range(n):
            tmp[i] = tmp[i] + A[i][j] * x[j]
        for j in range(n):
            y[j] = y[j] + A[i][j] * tmp[i]


def bicg(A, s, q, p, r):
    m, n = len(s), len(q)
    for j in range(m):
        s[j] = 0.0
    for i in range(n):
        q[i] = 0.0
        for j in range(m):
            s[j] = s[j] + r[i] * A[i][j]
            q[i] = q[i] + A[i][j] * p[j]


def two_mm(alpha, beta, tmp, A, B, C, D):
    ni, nj, nk, nl = len(tmp), len(tmp[0]), len(B), len(D[0])
    for i in range(ni):
        for j in range(nj):
            tmp[i][j] = 0.0
            for k in range(nk):
                tmp[i][j] += alpha * A[i][k] * B[k][j]
    for i in range(ni):
        for j in range(nl):
            D[i][j] *= beta
            for k in range(nj):
                D[i][j] += tmp[i][k] * C[k][j]


def three_mm(A, B, C, D, E, F, G):
    ni, nj, nk, nl, nm = len(A), len(B[0]), len(B), len(D[0]), len(D)
    for i in range(ni):
        for j in range(nj):
            E[i][j] = 0.0
            for k in range(nk):
                E[i][j] += A[i][k] * B[k][j]
    for i in range(nj):
        for j in range(nl):
            F[i][j] = 0.0
            for k in range(nm):
                F[i][j] += C[i][k] * D[k][j]
    for i in range(ni):
        for j in range(nl):
            G[i][j] = 0.0
            for k in range(nj):
                G[i][j] += E[i][k] * F[k][j]


def doitgen(A, C4, total):
    np_ = len(C4)
    for r in range(len(A)):
        for q in range(len(A[0])):
            for p in range(np_):
                total[p] = 0.0
                for s in range(np_):
                    total[p] += A[r][q][s] * C4[s][p]
            for p in range(np_):
                A[r][q][p] = total[p]


def cholesky(A):
    n = len(A)
    for i in range(n):
        for j in range(i):
            for k in range(j):
                A[i][j] -= A[i][k] * A[j][k]
            A[i][j] /= A[j][j]
        for k in range(i):
            A[i][i] -= A[i][k] * A[i][k]
        A[i][i] = math.sqrt(A[i][i])


def lu(A):
    n = len(A)
    for i in range(n):
        for j in range(i):
            for k in range(j):
                A[i][j] -= A[i][k] * A[k][j]
            A[i][j] /= A[j][j]
        for j in range(i, n):
            for k in range(i):
                A[i][j] -= A[i][k] * A[k][j]


def ludcmp(A, b, x, y):
    n = len(A)
    for i in range(n):
        for j in range(i):
            w = A[i][j]
            for k in range(j):
                w -= A[i][k] * A[k][j]
            A[i][j] = w / A[j][j]
        for j in range(i, n):
            w = A[i][j]
            for k in range(i):
                w -= A[i][k] * A[k][j]
            A[i][j] = w
    for i in range(n):
        w = b[i]
        for j in range(i):
            w -= A[i][j] * y[j]
        y[i] = w
    for i in range(n - 1, -1, -1):
        w = y[i]
        for j in range(i + 1, n):
            w -= A[i][j] * x[j]
        x[i] = w / A[i][i]


def trisolv(L, x, b):
    for i in range(len(L)):
        x[i] = b[i]
        for j in range(i):
            x[i] -= L[i][j] * x[j]
        x[i] = x[i] / L[i][i]


def durbin(r, y):
    n = len(r)
    z = [0.0] * n
    y[0] = -r[0]
    beta = 1.0
    alpha = -r[0]
    for k in range(1, n):
        beta = (1.0 - alpha * alpha) * beta
        total = 0.0
        for i in range(k):
            total += r[k - i - 1] * y[i]
        alpha = -(r[k] + total) / beta
        for i in range(k):
            z[i] = y[i] + alpha * y[k - i - 1]
        for i in range(k):
            y[i] = z[i]
        y[k] = alpha


def gramschmidt(A, R, Q):
    m, n = len(A), len(R)
    for k in range(n):
        norm = 0.0
        for i in range(m):
            norm += A[i][k] * A[i][k]
        R[k][k] = math.sqrt(norm)
        for i in range(m):
            Q[i][k] = A[i][k] / R[k][k]
        for j in range(k + 1, n):
            R[k][j] = 0.0
            for i in range(m):
                R[k][j] += Q[i][k] * A[i][j]
            for i in range(m):
                A[i][j] = A[i][j] - Q[i][k] * R[k][j]


def correlation(data, corr, mean, stddev):
    n, m = len(data), len(mean)
    for j in range(m):
        mean[j] = 0.0
        for i in range(n):
            mean[j] += data[i][j]
        mean[j] /= float(n)
    for j in range(m):
        stddev[j] = 0.0
        for i in range(n):
            stddev[j] += (data[i][j] - mean[j]) * (data[i][j] - mean[j])
        stddev[j] /= float(n)
        stddev[j] = math.sqrt(stddev[j])
        stddev[j] = 1.0 if stddev[j] <= 0.1 else stddev[j]
    for i in range(n):
        for j in range(m):
            data[i][j] -= mean[j]
            data[i][j] /= math.sqrt(float(n)) * stddev[j]
    for i in range(m - 1):
        corr[i][i] = 1.0
        for j in range(i + 1, m):
            corr[i][j] = 0.0
            for k in range(n):
                corr[i][j] += data[k][i] * data[k][j]
            corr[j][i] = corr[i][j]
    corr[m - 1][m - 1] = 1.0


def covariance(data, cov, mean):
    n, m = len(data), len(mean)
    for j in range(m):
        mean[j] = 0.0
        for i in range(n):
            mean[j] += data[i][j]
        mean[j] /= float(n)
    for i in range(n):
        for j in range(m):
            data[i][j] -= mean[j]
    for i in range(m):
        for j in range(i, m):
            cov[i][j] = 0.0
            for k in range(n):
                cov[i][j] += data[k][i] * data[k][j]
            cov[i][j] /= float(n) - 1.0
            cov[j][i] = cov[i][j]


def jacobi_1d(steps, A, B):
    n = len(A)
    for t in range(steps):
        for i in range(1, n - 1):
            B[i] = 0.33333 * (A[i - 1] + A[i] + A[i + 1])
        for i in range(1, n - 1):
            A[i] = 0.33333 * (B[i - 1] + B[i] + B[i + 1])


def jacobi_2d(steps, A, B):
    n = len(A)
    for t in range(steps):
        for i in range(1, n - 1):
            for j in range(1, n - 1):
                B[i][j] = 0.2 * (A[i][j] + A[i][j - 1] + A[i][1 + j] + A[1 + i][j] + A[i - 1][j])
        for i in range(1, n - 1):
            for j in range(1, n - 1):
                A[i][j] = 0.2 * (B[i][j] + B[i][j - 1] + B[i][1 + j] + B[1 + i][j] + B[i - 1][j])


def seidel_2d(steps, A):
    n = len(A)
    for t in range(steps):
        for i in range(1, n - 1):
            for j in range(1, n - 1):
                A[i][j] = (
                    A[i - 1][j - 1] + A[i - 1][j] + A[i - 1][j + 1] + A[i][j - 1] + A[i][j] + A[i][j + 1] + A[i + 1][j - 1] + A[i + 1][j] + A[i + 1][j + 1]
                ) / 9.0


def heat_3d(steps, A, B):
    n = len(A)
    for t in range(1, steps + 1):
        for i in range(1, n - 1):
            for j in range(1, n - 1):
                for k in range(1, n - 1):
                    B[i][j][k] = (
                        0.125 * (A[i + 1][j][k] - 2.0 * A[i][j][k] + A[i - 1][j][k])
                        + 0.125 * (A[i][j + 1][k] - 2.0 * A[i][j][k] + A[i][j - 1][k])
                        + 0.125 * (A[i][j][k + 1] - 2.0 * A[i][j][k] + A[i][j][k - 1])
                        + A[i][j][k]
                    )
        for i in range(1, n - 1):
            for j in range(1, n - 1):
                for k in range(1, n - 1):
                    A[i][j][k] = (
                        0.125 * (B[i + 1][j][k] - 2.0 * B[i][j][k] + B[i - 1][j][k])
                        + 0.125 * (B[i][j + 1][k] - 2.0 * B[i][j][k] + B[i][j - 1][k])
                        + 0.125 * (B[i][j][k + 1] - 2.0 * B[i][j][k] + B[i][j][k - 1])
                        + B[i][j][k]
                    )


def fdtd_2d(ex, ey, hz, fict):
    nx, ny = len(hz), len(hz[0])
    for t in range(len(fict)):
        for j in range(ny):
            ey[0][j] = fict[t]
        for i in range(1, nx):
            for j in range(ny):
                ey[i][j] = ey[i][j] - 0.5 * (hz[i][j] - hz[i - 1][j])
        for i in range(nx):
            for j in range(1, ny):
                ex[i][j] = ex[i][j] - 0.5 * (hz[i][j] - hz[i][j - 1])
        for i in range(nx - 1):
            for j in range(ny - 1):
                hz[i][j] = hz[i][j] - 0.7 * (ex[i][j + 1] - ex[i][j] + ey[i + 1][j] - ey[i][j])


def adi(steps, u, v, p, q):
    n = len(u)
    dx = 1.0 / float(n)
    dt = 1.0 / float(steps)
    mul1 = 2.0 * dt / (dx * dx)
    mul2 = 1.0 * dt / (dx * dx)
    a = -mul1 / 2.0
    b = 1.0 + mul1
    d = -mul2 / 2.0
    e = 1.0 + mul2
    for t in range(1, steps + 1):
        for i in range(1, n - 1):
            v[0][i] = 1.0
            p[i][0] = 0.0
            q[i][0] = v[0][i]
            for j in range(1, n - 1):
                p[i][j] = -a / (a * p[i][j - 1] + b)
                q[i][j] = (-d * u[j][i - 1] + (1.0 + 2.0 * d) * u[j][i] - d * u[j][i + 1] - a * q[i][j - 1]) / (a * p[i][j - 1] + b)
            v[n - 1][i] = 1.0
            for j in range(n - 2, 0, -1):
                v[j][i] = p[i][j] * v[j + 1][i] + q[i][j]
        for i in range(1, n - 1):
            u[i][0] = 1.0
            p[i][0] = 0.0
            q[i][0] = u[i][0]
            for j in range(1, n - 1):
                p[i][j] = -d / (d * p[i][j - 1] + e)
                q[i][j] = (-a * v[i - 1][j] + (1.0 + 2.0 * a) * v[i][j] - a * v[i + 1][j] - d * q[i][j - 1]) / (d * p[i][j - 1] + e)
            u[i][n - 1] = 1.0
            for j in range(n - 2, 0, -1):
                u[i][j] = p[i][j] * u[i][j + 1] + q[i][j]


def deriche(alpha, image, out, y1, y2):
    w, h = len(image), len(image[0])
    k = (1.0 - math.exp(-alpha)) * (1.0 - math.exp(-alpha)) / (1.0 + 2.0 * alpha * math.exp(-alpha) - math.exp(2.0 * alpha))
    a1 = k
    a2 = k * math.exp(-alpha) * (alpha - 1.0)
    a3 = k * math.exp(-alpha) * (alpha + 1.0)
    a4 = -k * math.exp(-2.0 * alpha)
    b1 = 2.0 ** (-alpha)
    b2 = -math.exp(-2.0 * alpha)
    for i in range(w):
        ym1 = 0.0
        ym2 = 0.0
        xm1 = 0.0
        for j in range(h):
            y1[i][j] = a1 * image[i][j] + a2 * xm1 + b1 * ym1 + b2 * ym2
            xm1 = image[i][j]
            ym2 = ym1
            ym1 = y1[i][j]
    for i in range(w):
        yp1 = 0.0
        yp2 = 0.0
        xp1 = 0.0
        xp2 = 0.0
        for j in range(h - 1, -1, -1):
            y2[i][j] = a3 * xp1 + a4 * xp2 + b1 * yp1 + b2 * yp2
            xp2 = xp1
            xp1 = image[i][j]
            yp2 = yp1
            yp1 = y2[i][j]
    for i in range(w):
        for j in range(h):
            out[i][j] = y1[i][j] + y2[i][j]


def floyd_warshall(path):
    n = len(path)
    for k in range(n):
        for i in range(n):
            for j in range(n):
                path[i][j] = path[i][j] if path[i][j] < path[i][k] + path[k][j] else path[i][k] + path[k][j]


def nussinov(seq, table):
    n = len(seq)
    for i in range(n - 1, -1, -1):
        for j in range(i + 1, n):
            if j - 1 >= 0:
                table[i][j] = max(table[i][j], table[i][j - 1])
            if i + 1 < n:
                table[i][j] = max(table[i][j], table[i + 1][j])
            if j - 1 >= 0 and i + 1 < n:
                if i < j - 1:
                    table[i][j] = max(table[i][j], table[i + 1][j - 1] + (1 if seq[i] + seq[j] == 3 else 0))
                else:
                    table[i][j] = max(table[i][j], table[i + 1][j - 1])
            for k in range(i + 1, j):
                table[i][j] = max(table[i][j], table[i][k] + table[k + 1][j])
