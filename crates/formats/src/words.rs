//! Enums that are one word each in a file.

/// Defines an enum whose values are written as the given words; the first is the default.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $first:ident = $first_word:literal $(, $value:ident = $word:literal)* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[allow(missing_docs, reason = "each value is its word")]
        pub enum $name { #[default] $first $(, $value)* }

        impl $name {
            /// All values in order.
            pub const ALL: &'static [Self] = &[Self::$first $(, Self::$value)*];
            /// The word in a file.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self { Self::$first => $first_word $(, Self::$value => $word)* }
            }
        }
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.word())
            }
        }
        impl std::str::FromStr for $name {
            type Err = String;
            fn from_str(text: &str) -> Result<Self, String> {
                Self::ALL.iter().copied().find(|value| value.word() == text).ok_or_else(|| {
                    let words: Vec<_> = Self::ALL.iter().map(|value| value.word()).collect();
                    format!("is {text:?}, must be one of {}", words.join(", "))
                })
            }
        }
        $crate::cell::textual!($name);
    };
}
pub(crate) use words;
