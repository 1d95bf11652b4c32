//! A map of a decision as SVG: where the nodes are, which were chosen, and what they send. Nodes without a place on the
//! map are left out; the sea is not drawn.

use std::fmt::Write as _;
use waybill_client::proto::common::v1::GeoPoint;
use waybill_client::proto::fulfillment::v1::SourcingDecision;

const WIDTH: f64 = 900.0;
const HEIGHT: f64 = 620.0;
const MARGIN: f64 = 60.0;
/// Where the destination is drawn, whose address is not kept.
const HOUSE: (f64, f64) = (WIDTH / 2.0, 28.0);

/// The picture, a file of its own.
pub(super) fn draw(decision: &SourcingDecision) -> String {
    let passed = decision.nodes.iter().map(|node| node.location);
    let chosen = decision.shipments.iter().map(|one| one.location);
    let frame = Frame::around(passed.chain(chosen).flatten());
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" \
         font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"#f7f7f4\"/>\n"
    );
    let zone = if decision.zone_id.is_empty() { "counter" } else { &decision.zone_id };
    for one in &decision.shipments {
        let Some((x, y)) = one.location.map(|point| frame.place(point)) else { continue };
        let dash = if one.carrier_service.is_empty() { " stroke-dasharray=\"4 4\"" } else { "" };
        put(
            &mut out,
            format_args!(
                "<path d=\"M {x:.1} {y:.1} Q {x:.1} {:.1} {:.1} {:.1}\" fill=\"none\" stroke=\"#0b6e4f\" \
                 stroke-width=\"2\"{dash}><title>{}</title></path>",
                (y + HOUSE.1) / 2.0,
                HOUSE.0,
                HOUSE.1,
                escaped(&one.carrier_service)
            ),
        );
    }
    for node in &decision.nodes {
        let Some((x, y)) = node.location.map(|point| frame.place(point)) else { continue };
        let name = escaped(&node.node_id);
        let why = escaped(super::why(node.standing()));
        put(
            &mut out,
            format_args!(
                "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\" fill=\"#b9b9b0\"><title>{name}: {why}</title></circle>"
            ),
        );
    }
    for one in &decision.shipments {
        let Some((x, y)) = one.location.map(|point| frame.place(point)) else { continue };
        let name = escaped(&one.node_id);
        let cost = escaped(&super::money(one.cost.as_ref()));
        put(
            &mut out,
            format_args!(
                "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"7\" fill=\"#0b6e4f\"/>\n\
                 <text x=\"{:.1}\" y=\"{:.1}\">{name} {cost}</text>",
                x + 10.0,
                y + 4.0
            ),
        );
    }
    put(
        &mut out,
        format_args!(
            "<rect x=\"{:.1}\" y=\"12\" width=\"120\" height=\"22\" rx=\"4\" fill=\"#233\"/>\n\
             <text x=\"{:.1}\" y=\"27\" fill=\"#fff\" text-anchor=\"middle\">{}</text>",
            HOUSE.0 - 60.0,
            HOUSE.0,
            escaped(zone)
        ),
    );
    put(
        &mut out,
        format_args!(
            "<text x=\"12\" y=\"{:.1}\" fill=\"#555\">order {}, attempt {}: green is chosen, grey had stock and was \
             passed over</text>\n</svg>",
            HEIGHT - 12.0,
            escaped(&decision.order_id),
            decision.attempt
        ),
    );
    out
}

/// Writing into a text never fails.
fn put(out: &mut String, line: std::fmt::Arguments<'_>) {
    let _ = out.write_fmt(line);
    out.push('\n');
}

/// Which part of the world is drawn.
struct Frame {
    west: f64,
    north: f64,
    /// Pixels per degree.
    scale: f64,
    /// Degrees of longitude are so much shorter than degrees of latitude there.
    narrow: f64,
}

impl Frame {
    fn around(points: impl Iterator<Item = GeoPoint>) -> Self {
        let degrees = |e6: i64| e6 as f64 / 1e6;
        let points: Vec<(f64, f64)> = points
            .map(|point| (degrees(point.latitude_degrees_e6), degrees(point.longitude_degrees_e6)))
            .collect();
        let extent = |of: fn(&(f64, f64)) -> f64| {
            let least = points.iter().map(of).fold(f64::INFINITY, f64::min);
            let most = points.iter().map(of).fold(f64::NEG_INFINITY, f64::max);
            if least.is_finite() { (least, most) } else { (0.0, 0.0) }
        };
        let ((south, north), (west, east)) = (extent(|point| point.0), extent(|point| point.1));
        let narrow = ((south + north) / 2.0).to_radians().cos().max(0.1);
        let across = (WIDTH - 2.0 * MARGIN) / ((east - west) * narrow).max(0.01);
        let down = (HEIGHT - 3.0 * MARGIN) / (north - south).max(0.01);
        Self { west, north, scale: across.min(down), narrow }
    }

    fn place(&self, point: GeoPoint) -> (f64, f64) {
        let (latitude, longitude) =
            (point.latitude_degrees_e6 as f64 / 1e6, point.longitude_degrees_e6 as f64 / 1e6);
        let x = MARGIN + (longitude - self.west) * self.narrow * self.scale;
        (x, 2.0 * MARGIN + (self.north - latitude) * self.scale)
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use waybill_client::proto::fulfillment::v1::{DecisionShipment, NodeStanding};

    fn at(latitude_degrees_e6: i64, longitude_degrees_e6: i64) -> Option<GeoPoint> {
        Some(GeoPoint { latitude_degrees_e6, longitude_degrees_e6 })
    }

    #[test]
    fn every_node_with_a_place_is_on_the_map_and_names_cannot_break_it() {
        let shipment = |node_id: &str, location| DecisionShipment {
            node_id: node_id.into(),
            location,
            carrier_service: "std".into(),
            ..Default::default()
        };
        let passed = |node_id: &str, location| NodeStanding {
            node_id: node_id.into(),
            location,
            ..Default::default()
        };
        let decision = SourcingDecision {
            order_id: "W00-7".into(),
            shipments: vec![shipment("<b>&", at(52_520_000, 13_405_000)), shipment("nowhere", None)],
            nodes: vec![passed("paris", at(48_856_600, 2_352_200))],
            ..Default::default()
        };
        let picture = draw(&decision);
        assert!(
            picture.contains("&lt;b&gt;&amp;") && picture.contains("paris") && !picture.contains("nowhere")
        );
        assert_eq!(picture.matches("<circle").count(), 2);
        let numbers = picture.split(|c: char| !(c.is_ascii_digit() || c == '.' || c == '-'));
        let wild = numbers.filter_map(|n| n.parse::<f64>().ok()).filter(|n| *n > 2_000.0 && *n < 1e9);
        assert_eq!(wild.filter(|n| *n != 2000.0).count(), 0, "{picture}");
    }

    #[test]
    fn a_decision_without_any_place_is_still_a_picture() {
        assert!(draw(&SourcingDecision::default()).ends_with("</svg>\n"));
    }
}
