//! Whether a point lies within a distance of another, in whole numbers only: floating sines differ between machines,
//! and a plan must not.

use waybill_types::GeoPoint;

/// Mean radius of the earth in metres (IUGG).
const EARTH_RADIUS_M: i128 = 6_371_009;
/// Half way round the earth in metres, rounded up.
const HALF_ROUND_M: u64 = 20_015_115;
/// Fixed point: 60 binary places.
const ONE: i128 = 1 << 60;
/// Pi with 60 binary places.
const PI: i128 = 3_622_009_729_038_561_421;

/// True when the great-circle distance between the points is at most `radius_m`.
pub(crate) fn within(a: GeoPoint, b: GeoPoint, radius_m: u64) -> bool {
    let half_angle = ONE * i128::from(radius_m) / (2 * EARTH_RADIUS_M);
    if half_angle >= PI / 2 {
        return true;
    }
    haversine(a, b) <= square(sine(half_angle))
}

/// The great-circle distance between the points in metres, rounded up.
pub(crate) fn distance_m(a: GeoPoint, b: GeoPoint) -> u64 {
    let apart = haversine(a, b);
    let reaches = |radius_m: u64| {
        let half_angle = ONE * i128::from(radius_m) / (2 * EARTH_RADIUS_M);
        half_angle >= PI / 2 || apart <= square(sine(half_angle))
    };
    let (mut short, mut long) = (0u64, HALF_ROUND_M);
    while short < long {
        let middle = (short + long) / 2;
        if reaches(middle) { long = middle } else { short = middle + 1 }
    }
    long
}

/// The square of the sine of half the angle between two points: it rises with their distance.
pub(crate) fn haversine(a: GeoPoint, b: GeoPoint) -> i128 {
    let half = |difference_e6: i128| difference_e6 * PI / 360_000_000;
    let latitudes = sine(half(i128::from(a.lat_e6) - i128::from(b.lat_e6)));
    let longitudes = sine(half(i128::from(a.lon_e6) - i128::from(b.lon_e6)));
    let cosine = |lat_e6: i32| sine(PI / 2 - (i128::from(lat_e6) * PI / 180_000_000).abs());
    let narrowing = cosine(a.lat_e6) * cosine(b.lat_e6) / ONE;
    square(latitudes) + square(longitudes) * narrowing / ONE
}

/// Distances from a point as if the Earth were flat around it: cheap, and good enough to tell near from far.
pub(crate) struct Flat {
    center: GeoPoint,
    /// The cosine of its latitude in thousandths.
    narrowing: i64,
}

impl Flat {
    pub(crate) fn around(center: GeoPoint) -> Self {
        let cosine = sine(PI / 2 - (i128::from(center.lat_e6) * PI / 180_000_000).abs());
        Self { center, narrowing: (cosine * 1_000 / ONE) as i64 }
    }

    /// The square of the distance to a point, in a unit of its own.
    pub(crate) fn squared(&self, point: GeoPoint) -> i64 {
        let apart = |a: i32, b: i32| (i64::from(a) - i64::from(b)).abs();
        let north = apart(point.lat_e6, self.center.lat_e6);
        let east = apart(point.lon_e6, self.center.lon_e6);
        let east = east.min(360_000_000 - east) * self.narrowing / 1_000;
        north * north + east * east
    }
}

const fn square(x: i128) -> i128 {
    x * x / ONE
}

/// Sine of an angle in radians from -pi to pi, by its Taylor series to the 21st power around the nearest multiple of
/// pi: the error is below 10^-14.
fn sine(angle: i128) -> i128 {
    let folded = if angle > PI / 2 {
        PI - angle
    } else if angle < -PI / 2 {
        -PI - angle
    } else {
        angle
    };
    let squared = square(folded);
    let mut term = folded;
    let mut sum = folded;
    for step in 1..=10 {
        term = -(term * squared / ONE) / (2 * step * (2 * step + 1));
        sum += term;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearer_of_two_is_the_nearer_on_a_flat_earth_too() {
        let at = |lat_e6: i32, lon_e6: i32| GeoPoint::new(lat_e6, lon_e6).unwrap();
        let berlin = at(52_520_000, 13_405_000);
        let flat = Flat::around(berlin);
        let hamburg = at(53_551_000, 9_993_000);
        let munich = at(48_137_000, 11_575_000);
        assert!(flat.squared(hamburg) < flat.squared(munich));
        assert!(haversine(berlin, hamburg) < haversine(berlin, munich));
        assert_eq!(flat.squared(berlin), 0);
        let fiji = Flat::around(at(-17_000_000, 179_900_000));
        assert!(fiji.squared(at(-17_000_000, -179_900_000)) < fiji.squared(at(-17_000_000, 178_000_000)));
    }

    fn point(lat_e6: i32, lon_e6: i32) -> GeoPoint {
        GeoPoint::new(lat_e6, lon_e6).unwrap()
    }

    #[test]
    fn known_distances_fall_between_their_neighbours() {
        let (berlin, paris) = (point(52_520_000, 13_405_000), point(48_856_600, 2_352_200));
        assert!(within(berlin, paris, 878_500) && !within(berlin, paris, 876_500));
        let (fiji_west, fiji_east) = (point(-17_000_000, 179_900_000), point(-17_000_000, -179_900_000));
        assert!(within(fiji_west, fiji_east, 21_300) && !within(fiji_west, fiji_east, 21_200));
        let (pole, equator) = (point(90_000_000, 0), point(0, 77_000_000));
        assert!(within(pole, equator, 10_008_000) && !within(pole, equator, 10_007_000));
        assert!(within(berlin, berlin, 1));
        assert!(within(point(0, 0), point(0, 180_000_000), 20_015_200));
    }

    #[test]
    fn a_distance_is_the_smallest_radius_that_holds_the_point() {
        let places = [(52_520_000, 13_405_000), (48_856_600, 2_352_200), (-33_868_000, 151_209_000), (0, 0)];
        for (lat, lon) in places {
            for (other_lat, other_lon) in places {
                let (a, b) = (point(lat, lon), point(other_lat, other_lon));
                let metres = distance_m(a, b);
                assert!(within(a, b, metres), "{metres}");
                assert!(metres == 0 || !within(a, b, metres - 1), "{metres}");
                assert_eq!(metres, distance_m(b, a));
            }
        }
        // The sine hardly moves at its top: a metre there is below what 60 binary places tell apart.
        let round = distance_m(point(0, 0), point(0, 180_000_000));
        assert!((HALF_ROUND_M - 5..=HALF_ROUND_M).contains(&round), "{round}");
        assert_eq!(distance_m(point(1, 1), point(1, 1)), 0);
    }

    #[test]
    fn the_sine_is_the_sine() {
        for step in -1000..=1000i128 {
            let exact = (std::f64::consts::PI * step as f64 / 1000.0).sin();
            let ours = sine(PI * step / 1000) as f64 / ONE as f64;
            assert!((exact - ours).abs() < 1e-13, "at {step}: {exact} and {ours}");
        }
    }
}
