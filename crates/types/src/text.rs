//! Short checked text: the base of every textual identifier. It knows lengths and characters, never meanings.

use crate::Invalid;
use minicbor::{Decode, Encode};
use std::collections::BTreeMap;

/// Defines a newtype over text with a bounded length and no control characters (so no NUL either, which row keys use as a
/// terminator). Up to 23 bytes lie in place, longer text is shared: cloning is cheap, and reading the short texts that
/// messages are full of allocates nothing.
#[macro_export]
macro_rules! text_type {
    ($(#[$doc:meta])* $name:ident, $what:literal, $min:literal ..= $max:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(smol_str::SmolStr);

        impl $name {
            /// Checks length (in bytes of UTF-8) and characters.
            ///
            /// # Errors
            /// [`Invalid`](crate::Invalid) when the text is too short, too long, padded or holds control characters.
            pub fn new(text: impl AsRef<str>) -> Result<Self, $crate::Invalid> {
                $crate::text::check($what, text.as_ref(), $min, $max)?;
                Ok(Self(smol_str::SmolStr::new(text)))
            }
            /// The text itself.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{}({:?})", stringify!($name), &*self.0)
            }
        }
        impl<C> minicbor::Encode<C> for $name {
            fn encode<W: minicbor::encode::Write>(
                &self,
                e: &mut minicbor::Encoder<W>,
                _: &mut C,
            ) -> Result<(), minicbor::encode::Error<W::Error>> {
                e.str(&self.0)?.ok()
            }
        }
        impl<'b, C> minicbor::Decode<'b, C> for $name {
            fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
                Ok(Self(d.str()?.into()))
            }
        }
    };
}

pub(crate) fn check(what: &'static str, text: &str, min: usize, max: usize) -> Result<(), Invalid> {
    if text.len() < min {
        return Err(Invalid::new(
            what,
            if min == 1 { "is empty".into() } else { format!("has fewer than {min} bytes") },
        ));
    }
    if text.len() > max {
        return Err(Invalid::new(what, format!("has {} bytes, at most {max} are allowed", text.len())));
    }
    if text.chars().any(char::is_control) {
        return Err(Invalid::new(what, "holds control characters"));
    }
    if text.trim() != text {
        return Err(Invalid::new(what, "begins or ends with white space"));
    }
    Ok(())
}

text_type!(
    /// Free text of up to 1,000 bytes that is not personal data (personal data is [`crate::Sealed`]).
    Text, "text", 0..=1000
);

impl Default for Text {
    /// Empty.
    fn default() -> Self {
        Self::new("").unwrap_or_else(|_| unreachable!("text may be empty"))
    }
}

text_type!(
    /// The name of a custom attribute.
    AttributeKey, "attribute key", 1..=64
);
text_type!(
    /// The value of a custom attribute; never interpreted, never personal data.
    AttributeValue, "attribute value", 0..=512
);

/// Custom attributes: at most 32 pairs and 4 KiB in all. They are carried through to the pick instruction.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct Attributes(BTreeMap<AttributeKey, AttributeValue>);

impl Attributes {
    /// Checks number and sizes.
    ///
    /// # Errors
    /// [`Invalid`] naming the bound that was passed.
    pub fn new<K: AsRef<str>, V: AsRef<str>>(
        pairs: impl IntoIterator<Item = (K, V)>,
    ) -> Result<Self, Invalid> {
        let mut map = BTreeMap::new();
        let mut bytes = 0;
        for (key, value) in pairs {
            let (key, value) = (AttributeKey::new(key)?, AttributeValue::new(value)?);
            bytes += key.as_str().len() + value.as_str().len();
            map.insert(key, value);
        }
        if map.len() > 32 {
            return Err(Invalid::new("attributes", format!("are {}, at most 32 are allowed", map.len())));
        }
        if bytes > 4096 {
            return Err(Invalid::new("attributes", format!("take {bytes} bytes, at most 4096 are allowed")));
        }
        Ok(Self(map))
    }
    /// The pairs in key order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }
    /// True when there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
