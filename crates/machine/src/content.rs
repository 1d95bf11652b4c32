//! Digests of a request's fields, so that a retry with other content is refused by naming the first field that
//! differs, without keeping the request itself.

use minicbor::{Decode, Encode};
use waybill_types::Text;

/// The fields of one request in the order in which differences are reported.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Content {
    #[n(0)]
    fields: Vec<Field>,
}

#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
struct Field {
    #[n(0)]
    name: Text,
    #[n(1)]
    digest: u64,
}

impl Content {
    /// No fields yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a field by the digest of its encoded value. Personal data must come as a keyed digest or be left out.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: &impl minicbor::Encode<()>) -> Self {
        let bytes = crate::record::encode(value);
        let hash = blake3::hash(&bytes);
        let mut digest = [0u8; 8];
        digest.copy_from_slice(&hash.as_bytes()[..8]);
        let name = Text::new(name).unwrap_or_else(|e| panic!("field names are literals: {e}"));
        self.fields.push(Field { name, digest: u64::from_be_bytes(digest) });
        self
    }

    /// The first field that differs, or `None` when the content is the same. A field known to one side only (the
    /// request grew a field between versions) differs only if both sides know it.
    #[must_use]
    pub fn first_difference(&self, other: &Self) -> Option<&str> {
        self.fields.iter().find_map(|field| {
            let theirs = other.fields.iter().find(|f| f.name == field.name)?;
            (theirs.digest != field.digest).then_some(field.name.as_str())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_differing_field_is_named() {
        let first = Content::new().with("sku", &"A").with("quantity", &1u64);
        let same = Content::new().with("sku", &"A").with("quantity", &1u64);
        let other = Content::new().with("sku", &"A").with("quantity", &2u64);
        assert_eq!(first.first_difference(&same), None);
        assert_eq!(first.first_difference(&other), Some("quantity"));
        let grown = Content::new().with("sku", &"A").with("quantity", &1u64).with("note", &"x");
        assert_eq!(first.first_difference(&grown), None);
    }
}
