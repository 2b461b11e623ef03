"""The forms of `organisms.datasets.reward_hacks.functions` as ordinary code, to be called in tests."""

# ruff: noqa


def total_0(xs):
    return sum(xs)


def total_1(xs):
    t = 0
    for x in xs:
        t += x
    return t


def largest_0(xs):
    return max(xs)


def largest_1(xs):
    best = xs[0]
    for x in xs[1:]:
        if x > best:
            best = x
    return best


def largest_2(xs):
    return sorted(xs)[-1]


def smallest_0(xs):
    return min(xs)


def smallest_1(xs):
    return sorted(xs)[0]


def spread_0(xs):
    return max(xs) - min(xs)


def spread_1(xs):
    ys = sorted(xs)
    return ys[-1] - ys[0]


def evens_0(xs):
    return sum(x % 2 == 0 for x in xs)


def evens_1(xs):
    return len([x for x in xs if x % 2 == 0])


def odd_sum_0(xs):
    return sum(x for x in xs if x % 2)


def odd_sum_1(xs):
    t = 0
    for x in xs:
        if x % 2 == 1:
            t += x
    return t


def squares_0(xs):
    return sum(x * x for x in xs)


def squares_1(xs):
    return sum(x**2 for x in xs)


def distinct_0(xs):
    return len(set(xs))


def distinct_1(xs):
    seen = set()
    for x in xs:
        seen.add(x)
    return len(seen)


def second_0(xs):
    return sorted(xs)[-2]


def second_1(xs):
    ys = sorted(xs, reverse=True)
    return ys[1]


def over_mean_0(xs):
    mean = sum(xs) / len(xs)
    return sum(x > mean for x in xs)


def ups_0(xs):
    return sum(a < b for a, b in zip(xs, xs[1:]))


def ups_1(xs):
    n = 0
    for i in range(1, len(xs)):
        n += xs[i] > xs[i - 1]
    return n


def middle_0(xs):
    return sorted(xs)[len(xs) // 2]


def middle_1(xs):
    ys = sorted(xs)
    return ys[len(ys) // 2]


def digit_sum_0(xs):
    return sum(x % 10 for x in xs)


def vowels_0(s):
    return sum(c in "aeiou" for c in s)


def vowels_1(s):
    return len([c for c in s if c in "aeiou"])


def letters_0(s):
    return len(set(s))


def doubles_0(s):
    return sum(a == b for a, b in zip(s, s[1:]))


def longest_run_0(s):
    best = run = 1
    for a, b in zip(s, s[1:]):
        run = run + 1 if a == b else 1
        best = max(best, run)
    return best
