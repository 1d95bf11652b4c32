//! A comparison of two policies as a picture: how many orders cost how much more or less, which kinds of node serve, how
//! promises move, and in how many parcels orders go out.

use super::report::{DAYS_MAX, PARCELS_MAX, Report};
use std::fmt::Write as _;

const WIDTH: f64 = 900.0;
const HEIGHT: f64 = 680.0;
/// Where the lower pictures begin and end.
const LOWER: (f64, f64) = (388.0, 630.0);
/// Bars of the left picture.
const BARS: usize = 21;

/// The picture, a file of its own.
pub(super) fn draw(report: &Report) -> String {
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" \
         font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"#f7f7f4\"/>\n"
    );
    costs(&mut out, report);
    kinds(&mut out, report);
    days(&mut out, report);
    parcels(&mut out, report);
    out.push_str("</svg>\n");
    out
}

/// Writing into a text never fails.
fn put(out: &mut String, line: std::fmt::Arguments<'_>) {
    let _ = out.write_fmt(line);
    out.push('\n');
}

fn costs(out: &mut String, report: &Report) {
    let widest = report.differences().iter().map(|more| more.unsigned_abs()).max().unwrap_or(0).max(1) as f64;
    let half = BARS / 2;
    let mut counts = [0u64; BARS];
    for more in report.differences() {
        // The middle bar is "the same"; each side has the same number of bars up to the widest difference.
        let steps = (*more as f64 / widest * half as f64).abs().ceil() as usize;
        let at = if *more < 0 { half - steps.min(half) } else { half + steps.min(half) };
        counts[at] += 1;
    }
    let highest = counts.iter().copied().max().unwrap_or(0).max(1) as f64;
    put(out, format_args!("<text x=\"40\" y=\"28\">orders by what they would cost more or less</text>"));
    for (index, count) in counts.iter().enumerate() {
        let height = *count as f64 / highest * 250.0;
        let color = match index.cmp(&half) {
            std::cmp::Ordering::Less => "#0b6e4f",
            std::cmp::Ordering::Equal => "#b9b9b0",
            std::cmp::Ordering::Greater => "#a23b2a",
        };
        put(
            out,
            format_args!(
                "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"20\" height=\"{height:.1}\" fill=\"{color}\"><title>{count}</title></rect>",
                40.0 + index as f64 * 22.0,
                310.0 - height
            ),
        );
    }
    let (least, most) = (report.amount(-(widest as i64)), report.amount(widest as i64));
    put(
        out,
        format_args!(
            "<text x=\"40\" y=\"330\">{least}</text><text x=\"{:.1}\" y=\"330\" text-anchor=\"middle\">the same</text>\
             <text x=\"{:.1}\" y=\"330\" text-anchor=\"end\">{most}</text>",
            40.0 + half as f64 * 22.0 + 10.0,
            40.0 + BARS as f64 * 22.0
        ),
    );
}

/// One bar of a lower picture, with what it counts.
fn bar(out: &mut String, x: f64, width: f64, (count, highest): (u64, u64), color: &str) {
    let height = count as f64 / highest.max(1) as f64 * (LOWER.1 - LOWER.0 - 22.0);
    put(
        out,
        format_args!(
            "<rect x=\"{x:.1}\" y=\"{:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" fill=\"{color}\"><title>{count}</title></rect>",
            LOWER.1 - height
        ),
    );
}

fn days(out: &mut String, report: &Report) {
    put(
        out,
        format_args!(
            "<text x=\"40\" y=\"{:.1}\">orders by the days that their promise would move</text>",
            LOWER.0
        ),
    );
    let highest = report.days().iter().copied().max().unwrap_or(0);
    for (place, count) in report.days().iter().enumerate() {
        let x = 40.0 + place as f64 * 42.0;
        let color = match place.cmp(&DAYS_MAX) {
            std::cmp::Ordering::Less => "#0b6e4f",
            std::cmp::Ordering::Equal => "#b9b9b0",
            std::cmp::Ordering::Greater => "#a23b2a",
        };
        bar(out, x, 36.0, (*count, highest), color);
        let days = place as i64 - DAYS_MAX as i64;
        put(
            out,
            format_args!(
                "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{days:+}</text>",
                x + 18.0,
                LOWER.1 + 18.0
            ),
        );
    }
}

fn parcels(out: &mut String, report: &Report) {
    put(out, format_args!("<text x=\"560\" y=\"{:.1}\">orders by parcels: was, would be</text>", LOWER.0));
    let [was, would_be] = report.parcels();
    let highest = was.iter().chain(would_be).copied().max().unwrap_or(0);
    for (place, (was, would_be)) in was.iter().zip(would_be).enumerate() {
        let x = 560.0 + place as f64 * 62.0;
        bar(out, x, 24.0, (*was, highest), "#b9b9b0");
        bar(out, x + 26.0, 24.0, (*would_be, highest), "#0b6e4f");
        let more = if place == PARCELS_MAX { "+" } else { "" };
        put(
            out,
            format_args!(
                "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{place}{more}</text>",
                x + 25.0,
                LOWER.1 + 18.0
            ),
        );
    }
}

fn kinds(out: &mut String, report: &Report) {
    put(out, format_args!("<text x=\"560\" y=\"28\">units by kind of node: was, would be</text>"));
    for (row, (kind, was, would_be)) in report.shares().iter().enumerate() {
        let y = 50.0 + row as f64 * 60.0;
        put(out, format_args!("<text x=\"560\" y=\"{:.1}\">{kind}</text>", y + 10.0));
        for (place, (share, color)) in [(was, "#b9b9b0"), (would_be, "#0b6e4f")].into_iter().enumerate() {
            let top = y + 16.0 + place as f64 * 16.0;
            put(
                out,
                format_args!(
                    "<rect x=\"560\" y=\"{top:.1}\" width=\"{:.1}\" height=\"12\" fill=\"{color}\"/>\
                     <text x=\"{:.1}\" y=\"{:.1}\">{share:.1} %</text>",
                    share * 2.4,
                    566.0 + share * 2.4,
                    top + 10.0
                ),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comparison_of_nothing_is_still_a_picture() {
        let picture = draw(&Report::default());
        assert!(picture.starts_with("<svg") && picture.ends_with("</svg>\n"));
        let bars = BARS + 2 * DAYS_MAX + 1 + 2 * (PARCELS_MAX + 1);
        assert_eq!(picture.matches("<rect").count(), bars + 1);
    }
}
