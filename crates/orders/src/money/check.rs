//! Amounts as a caller sends them: within range, and adding up to the minor unit. Paths in messages say which one does not.

use crate::command::{AddedAmounts, NewLine};
use crate::content::LineAmounts;
use crate::refusal::Refusal;
use std::fmt::{self, Display, Formatter};
use waybill_machine::FieldViolation;
use waybill_types::{Money, Quantity};

/// What some units cost, as a caller says it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Said {
    quantity: Quantity,
    scale: u8,
    unit_price: i64,
    subtotal: Option<i64>,
    discount: i64,
    tax: i64,
    total: i64,
}

impl From<&NewLine> for Said {
    fn from(line: &NewLine) -> Self {
        let NewLine { quantity, scale, unit_price, subtotal, discount, tax, total, .. } = *line;
        Self { quantity, scale, unit_price, subtotal, discount, tax, total }
    }
}

impl Said {
    /// Units of a line that exists.
    pub(super) const fn of(amounts: &AddedAmounts, quantity: Quantity, scale: u8) -> Self {
        let AddedAmounts { unit_price, discount, tax, total } = *amounts;
        Self { quantity, scale, unit_price, subtotal: None, discount, tax, total }
    }

    /// Every amount with its path.
    pub(super) fn fields<'a>(&self, path: Path<'a>) -> [(Below<'a>, i64); 5] {
        let named = [
            ("unit_price", self.unit_price),
            ("subtotal", self.subtotal.unwrap_or(0)),
            ("discount", self.discount),
            ("tax", self.tax),
            ("total", self.total),
        ];
        named.map(|(name, minor)| (Below(path, name), minor))
    }

    /// The amounts, given that they are in range and add up.
    pub(super) fn amounts(&self, included: bool, path: Path<'_>) -> Result<LineAmounts, Refusal> {
        let whole = 10i128.pow(u32::from(self.scale.min(3)));
        let exact = i128::from(self.unit_price) * i128::from(self.quantity.units());
        let computed = (exact * 2 + whole) / (whole * 2);
        let given = match self.subtotal {
            Some(subtotal) => subtotal,
            // One that does not fit is refused here rather than wrapped.
            None => i64::try_from(computed).unwrap_or(-1),
        };
        agree(format_args!("{path}.subtotal"), given, computed)?;
        let tax = if included { 0 } else { i128::from(self.tax) };
        let total = i128::from(given) - i128::from(self.discount) + tax;
        agree(format_args!("{path}.total"), self.total, total)?;
        if self.discount > given {
            let description = format!("is {} minor units, more than the subtotal of {given}", self.discount);
            return Err(wrong(format!("{path}.discount"), description));
        }
        let Self { unit_price, discount, tax, total, .. } = *self;
        Ok(LineAmounts { unit_price, subtotal: given, discount, tax, total })
    }
}

/// A field below another, written out only where it is wrong.
pub(super) struct Below<'a>(pub(super) Path<'a>, pub(super) &'static str);

impl Display for Below<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

/// Where some amounts stand.
#[derive(Clone, Copy)]
pub(super) enum Path<'a> {
    /// Those of the line with this index.
    Line(usize),
    At(&'a str),
}

impl Display for Path<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(index) => write!(f, "lines[{index}].amounts"),
            Self::At(path) => f.write_str(path),
        }
    }
}

/// One wrong field.
pub(super) fn wrong(field: String, description: String) -> Refusal {
    Refusal::Malformed(vec![FieldViolation { field, description }])
}

/// Every amount is from 0 to 10^15 minor units, so that sums of 500 lines cannot overflow.
pub(super) fn in_range(named: impl IntoIterator<Item = (impl Display, i64)>) -> Result<(), Refusal> {
    let wrong = named.into_iter().filter(|(_, minor)| !(0..=Money::MAX_MINOR).contains(minor));
    let wrong = wrong.map(|(field, minor)| FieldViolation {
        field: field.to_string(),
        description: format!("is {minor} minor units, must be 0 to 10^15"),
    });
    let wrong: Vec<FieldViolation> = wrong.collect();
    if wrong.is_empty() { Ok(()) } else { Err(Refusal::Malformed(wrong)) }
}

/// The amount given is the amount computed.
pub(super) fn agree(field: impl Display, given: i64, computed: i128) -> Result<(), Refusal> {
    if i128::from(given) == computed {
        return Ok(());
    }
    let computed = i64::try_from(computed).unwrap_or(if computed < 0 { i64::MIN } else { i64::MAX });
    Err(Refusal::AmountsDisagree { field: field.to_string(), given, computed })
}
