//! Where something is, as coarsely as planning needs it. Street addresses are personal data and live in sealed bytes.

use crate::Invalid;
use minicbor::{Decode, Encode};

crate::text_type!(
    /// An ISO 3166-1 alpha-2 country code, upper case.
    Country, "country", 2..=2
);
crate::text_type!(
    /// A postal code as the carrier writes it, upper case, 1 to 16 bytes.
    PostalCode, "postal code", 1..=16
);

/// A point on the earth in millionths of a degree (WGS 84).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct GeoPoint {
    /// Latitude, -90,000,000 to 90,000,000.
    #[n(0)]
    pub lat_e6: i32,
    /// Longitude, -180,000,000 to 180,000,000.
    #[n(1)]
    pub lon_e6: i32,
}

impl GeoPoint {
    /// Checks the ranges.
    ///
    /// # Errors
    /// [`Invalid`] when a coordinate is outside the earth.
    pub fn new(lat_e6: i32, lon_e6: i32) -> Result<Self, Invalid> {
        if lat_e6.unsigned_abs() > 90_000_000 || lon_e6.unsigned_abs() > 180_000_000 {
            return Err(Invalid::new(
                "geo point",
                format!("is ({lat_e6}, {lon_e6}) millionths of a degree, outside the earth"),
            ));
        }
        Ok(Self { lat_e6, lon_e6 })
    }
}
