//! The token a write returns and a read takes: "I want to see at least this".

use std::fmt;
use std::str::FromStr;
use waybill_types::{Invalid, PartitionId, Service};

/// A journaled place: partition and sequence. Written `orders/3@1234`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    /// Whose journal.
    pub partition: PartitionId,
    /// Everything up to this sequence.
    pub sequence: u64,
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.partition, self.sequence)
    }
}

impl FromStr for Token {
    type Err = Invalid;
    fn from_str(text: &str) -> Result<Self, Invalid> {
        let parse = || {
            let (partition, sequence) = text.split_once('@')?;
            let (service, index) = partition.split_once('/')?;
            let service = Service::ALL.into_iter().find(|s| s.name() == service)?;
            Some(Self {
                partition: PartitionId::new(service, index.parse().ok()?),
                sequence: sequence.parse().ok()?,
            })
        };
        parse()
            .ok_or_else(|| Invalid::new("token", format!("is {text:?}, must be one that a write returned")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_round_trip_and_garbage_is_refused() {
        let token = Token { partition: PartitionId::new(Service::Inventory, 7), sequence: 99 };
        assert_eq!(token.to_string().parse::<Token>(), Ok(token));
        for wrong in ["", "orders", "orders/1", "orders/300@1", "stock/1@1", "orders/1@-1"] {
            assert!(wrong.parse::<Token>().is_err(), "{wrong:?}");
        }
    }
}
