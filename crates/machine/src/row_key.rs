//! A row's key as a table keeps it: the bytes themselves where they are few, which they nearly always are, so that a
//! look-up allocates nothing and compares without leaving the tree's node. It knows bytes, never what they mean.

use std::cmp::Ordering;
use std::ops::Deref;

const SHORT: usize = 30;

/// Table prefix and key; sorts as its bytes do.
#[derive(Clone)]
pub(crate) enum RowKey {
    /// So many of these bytes; the others are zero.
    Short(u8, [u8; SHORT]),
    Long(Box<[u8]>),
}

impl From<&[u8]> for RowKey {
    fn from(bytes: &[u8]) -> Self {
        let mut short = [0; SHORT];
        match short.get_mut(..bytes.len()) {
            Some(place) => {
                place.copy_from_slice(bytes);
                Self::Short(bytes.len() as u8, short)
            }
            None => Self::Long(bytes.into()),
        }
    }
}

impl Deref for RowKey {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        match self {
            Self::Short(len, bytes) => &bytes[..usize::from(*len)],
            Self::Long(bytes) => bytes,
        }
    }
}

impl Ord for RowKey {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            // Zeros behind the shorter key sort it first or leave both equal; then it is the length that tells.
            (Self::Short(len, bytes), Self::Short(other_len, other)) => {
                words(bytes).cmp(&words(other)).then(len.cmp(other_len))
            }
            _ => (**self).cmp(&**other),
        }
    }
}

/// The bytes as numbers that compare as the bytes do.
fn words(bytes: &[u8; SHORT]) -> [u64; 4] {
    let word = |at: usize| {
        let mut word = [0; 8];
        let end = SHORT.min(at + 8);
        word[..end - at].copy_from_slice(&bytes[at..end]);
        u64::from_be_bytes(word)
    };
    [word(0), word(8), word(16), word(24)]
}

impl PartialOrd for RowKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for RowKey {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for RowKey {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Few different bytes and lengths around the bound, so that keys often begin alike and differ in length alone.
    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        let byte = prop_oneof![Just(0u8), Just(1), Just(0xff)];
        prop_oneof![prop::collection::vec(byte.clone(), 0..4), prop::collection::vec(byte, 28..34)]
    }

    proptest! {
        #[test]
        fn keys_keep_their_bytes_and_sort_like_them(a in bytes(), b in bytes()) {
            let (x, y) = (RowKey::from(&a[..]), RowKey::from(&b[..]));
            prop_assert_eq!(&*x, &a[..]);
            prop_assert_eq!(x.cmp(&y), a.cmp(&b));
            prop_assert_eq!(x == y, a == b);
        }
    }

    #[test]
    fn a_key_takes_four_words() {
        assert_eq!(size_of::<RowKey>(), 32);
    }
}
