//! How one value stands in one CSV cell. Lists are separated by `|`, pairs are `key=value`; a value that would need
//! one of those characters is refused on writing, never silently changed: such data belongs in JSON lines.

use std::collections::BTreeMap;

/// Separates the elements of a list in a cell.
pub(crate) const LIST: char = '|';

/// A value with a CSV form. An empty cell never reaches `parse`: it means the default.
pub(crate) trait Cell: Sized {
    /// Reads a non-empty cell; the error says what must stand there.
    fn parse(text: &str) -> Result<Self, String>;
    /// Writes the cell; the error says why this value has no CSV form.
    fn show(&self) -> Result<String, String>;
}

impl Cell for String {
    fn parse(text: &str) -> Result<Self, String> {
        Ok(text.to_owned())
    }
    fn show(&self) -> Result<String, String> {
        Ok(self.clone())
    }
}

impl Cell for bool {
    fn parse(text: &str) -> Result<Self, String> {
        match text {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(format!("is {text:?}, must be true or false")),
        }
    }
    fn show(&self) -> Result<String, String> {
        Ok(self.to_string())
    }
}

macro_rules! number_cells {
    ($($number:ty),*) => {$(
        impl Cell for $number {
            fn parse(text: &str) -> Result<Self, String> {
                text.parse().map_err(|_| {
                    // The bounds of 64 bits tell nobody anything; what a column takes is checked and told afterwards.
                    match (<$number>::BITS, <$number>::MIN) {
                        (64, 0) => format!("is {text:?}, must be a whole number, 0 or more"),
                        (64, _) => format!("is {text:?}, must be a whole number"),
                        (..) => format!(
                            "is {text:?}, must be a whole number from {} to {}",
                            <$number>::MIN,
                            <$number>::MAX
                        ),
                    }
                })
            }
            fn show(&self) -> Result<String, String> {
                Ok(self.to_string())
            }
        }
    )*};
}
number_cells!(i64, u64, i32, u32, u8);

impl<T: Cell> Cell for Option<T> {
    fn parse(text: &str) -> Result<Self, String> {
        T::parse(text).map(Some)
    }
    fn show(&self) -> Result<String, String> {
        self.as_ref().map_or(Ok(String::new()), T::show)
    }
}

impl<T: Cell> Cell for Vec<T> {
    fn parse(text: &str) -> Result<Self, String> {
        text.split(LIST).map(T::parse).collect()
    }
    fn show(&self) -> Result<String, String> {
        let shown = self.iter().map(T::show).collect::<Result<Vec<_>, _>>()?;
        if let Some(bad) = shown.iter().find(|text| text.is_empty() || text.contains(LIST)) {
            return Err(format!("element {bad:?} is empty or holds `|`: write JSON lines instead"));
        }
        Ok(shown.join("|"))
    }
}

impl Cell for BTreeMap<String, String> {
    fn parse(text: &str) -> Result<Self, String> {
        let mut map = BTreeMap::new();
        for pair in text.split(LIST) {
            let (key, value) =
                pair.split_once('=').ok_or_else(|| format!("{pair:?} must look like key=value"))?;
            if map.insert(key.to_owned(), value.to_owned()).is_some() {
                return Err(format!("key {key:?} stands twice"));
            }
        }
        Ok(map)
    }
    fn show(&self) -> Result<String, String> {
        if let Some((key, _)) =
            self.iter().find(|(key, value)| key.contains([LIST, '=']) || value.contains(LIST))
        {
            return Err(format!("the pair of key {key:?} holds `|` or `=`: write JSON lines instead"));
        }
        Ok(self.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join("|"))
    }
}

/// Gives a type that has `Display` and `FromStr<Err = String>` the same text form in CSV cells and in JSON strings.
macro_rules! textual {
    ($($name:ty),*) => {$(
        impl $crate::cell::Cell for $name {
            fn parse(text: &str) -> Result<Self, String> {
                text.parse()
            }
            fn show(&self) -> Result<String, String> {
                Ok(self.to_string())
            }
        }
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}
pub(crate) use textual;
