#!/usr/bin/env python3
"""Solves sourcing problems with HiGHS, one per line of the input, as an independent check of the exact kernel. Used by
`make bench-sourcing` in an environment of its own (scripts/venv bench); it is part of no product.

A line is `quantities|unfilled costs|rows`, a row `fixed:cost,stock;cost,stock;...` with one pair per order line. The
answer is one line: the cost of the optimum, and the seconds that HiGHS took.
"""

import sys
import time

import highspy
import numpy


def parse(line):
    quantities, unfilled, rows = line.strip().split("|")
    facilities = []
    for row in rows.split():
        fixed, cells = row.split(":")
        pairs = [tuple(int(number) for number in cell.split(",")) for cell in cells.split(";")]
        facilities.append((int(fixed), pairs))
    return [int(q) for q in quantities.split()], [int(u) for u in unfilled.split()], facilities


def model(quantities, unfilled, facilities):
    """Columns: one binary per facility, one amount per facility and line, one unfilled amount per line."""
    costs, upper, integer = [], [], []
    rows, by_line = [], [[] for _ in quantities]

    def column(cost, most, binary):
        costs.append(cost)
        upper.append(most)
        integer.append(binary)
        return len(costs) - 1

    for fixed, pairs in facilities:
        opened = column(fixed, 1, True)
        for line, (cost, stock) in enumerate(pairs):
            most = min(stock, quantities[line])
            if most > 0:
                amount = column(cost, most, False)
                by_line[line].append(amount)
                rows.append(([amount, opened], [1.0, -float(most)], -highspy.kHighsInf, 0.0))
    for line, quantity in enumerate(quantities):
        left = column(unfilled[line], quantity, False)
        members = by_line[line] + [left]
        rows.append((members, [1.0] * len(members), float(quantity), float(quantity)))
    return costs, upper, integer, rows


def solve(costs, upper, integer, rows):
    lp = highspy.HighsLp()
    lp.num_col_, lp.num_row_ = len(costs), len(rows)
    lp.col_cost_ = numpy.array(costs, dtype=float)
    lp.col_lower_ = numpy.zeros(len(costs))
    lp.col_upper_ = numpy.array(upper, dtype=float)
    lp.row_lower_ = numpy.array([row[2] for row in rows])
    lp.row_upper_ = numpy.array([row[3] for row in rows])
    lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    lp.a_matrix_.start_ = numpy.cumsum([0] + [len(row[0]) for row in rows])
    lp.a_matrix_.index_ = numpy.array([index for row in rows for index in row[0]])
    lp.a_matrix_.value_ = numpy.array([value for row in rows for value in row[1]])
    kinds = highspy.HighsVarType
    lp.integrality_ = [kinds.kInteger if whole else kinds.kContinuous for whole in integer]
    highs = highspy.Highs()
    highs.silent()
    highs.setOptionValue("mip_rel_gap", 0.0)
    highs.setOptionValue("mip_abs_gap", 0.1)
    highs.setOptionValue("threads", 1)
    highs.passModel(lp)
    highs.run()
    if highs.getModelStatus() != highspy.HighsModelStatus.kOptimal:
        sys.exit(f"HiGHS stopped with {highs.getModelStatus()}")
    return highs.getInfo().objective_function_value


def main():
    for line in sys.stdin:
        asked = model(*parse(line))
        begin = time.perf_counter()
        cost = solve(*asked)
        print(f"{cost:.3f} {time.perf_counter() - begin:.4f}", flush=True)


if __name__ == "__main__":
    main()
