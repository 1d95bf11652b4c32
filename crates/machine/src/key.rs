//! Row keys: bytes that sort as the values do. Text ends with a zero byte, which checked text cannot hold.

use waybill_types::{
    CalendarId, Channel, CustomerId, CustomerRef, ExternalNumber, FulfillmentOrderId, HoldId, LineNo,
    LookupDigest, NodeId, OrderId, OwnerId, PartitionId, RequestId, ReservationId, Sku, Timestamp, ZoneId,
    network::{LaneId, RateCardId},
    policy::HoldCode,
};

/// A row key, or a prefix of one.
pub trait Key: Sized {
    /// Appends the bytes.
    fn write(&self, out: &mut Vec<u8>);
    /// Reads them back, advancing `input`; `None` when they are not such a key.
    fn read(input: &mut &[u8]) -> Option<Self>;

    /// The bytes alone.
    fn bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(24);
        self.write(&mut out);
        out
    }
}

fn take<'a>(input: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (head, rest) = input.split_at_checked(count)?;
    *input = rest;
    Some(head)
}

macro_rules! big_endian {
    ($($int:ty),*) => {$(
        impl Key for $int {
            fn write(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_be_bytes());
            }
            fn read(input: &mut &[u8]) -> Option<Self> {
                Some(<$int>::from_be_bytes(take(input, size_of::<$int>())?.try_into().ok()?))
            }
        }
    )*};
}
big_endian!(u8, u16, u32, u64);

macro_rules! text_key {
    ($($text:ty),*) => {$(
        impl Key for $text {
            fn write(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(self.as_str().as_bytes());
                out.push(0);
            }
            fn read(input: &mut &[u8]) -> Option<Self> {
                let end = input.iter().position(|byte| *byte == 0)?;
                let text = std::str::from_utf8(&input[..end]).ok()?;
                *input = &input[end + 1..];
                <$text>::new(text).ok()
            }
        }
    )*};
}
text_key!(
    Sku,
    NodeId,
    OwnerId,
    Channel,
    ExternalNumber,
    CustomerRef,
    RequestId,
    ZoneId,
    CalendarId,
    LaneId,
    RateCardId,
    HoldCode
);

macro_rules! bytes_key {
    ($($name:ident [$len:literal]),*) => {$(
        impl Key for $name {
            fn write(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.0);
            }
            fn read(input: &mut &[u8]) -> Option<Self> {
                Some($name(take(input, $len)?.try_into().ok()?))
            }
        }
    )*};
}
bytes_key!(LookupDigest[16], HoldId[16]);

impl<const N: usize> Key for [u8; N] {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self);
    }
    fn read(input: &mut &[u8]) -> Option<Self> {
        take(input, N)?.try_into().ok()
    }
}

impl Key for () {
    fn write(&self, _: &mut Vec<u8>) {}
    fn read(_: &mut &[u8]) -> Option<Self> {
        Some(())
    }
}

impl Key for Timestamp {
    fn write(&self, out: &mut Vec<u8>) {
        // Flipping the sign bit makes times before 1970 sort first.
        ((self.as_ms() as u64) ^ (1 << 63)).write(out);
    }
    fn read(input: &mut &[u8]) -> Option<Self> {
        Some(Timestamp::from_ms((u64::read(input)? ^ (1 << 63)) as i64))
    }
}

impl Key for OrderId {
    fn write(&self, out: &mut Vec<u8>) {
        self.as_u64().write(out);
    }
    fn read(input: &mut &[u8]) -> Option<Self> {
        u64::read(input).map(OrderId::from_u64)
    }
}

impl Key for CustomerId {
    fn write(&self, out: &mut Vec<u8>) {
        self.number().write(out);
    }
    fn read(input: &mut &[u8]) -> Option<Self> {
        u64::read(input).map(CustomerId::new)
    }
}

impl Key for LineNo {
    fn write(&self, out: &mut Vec<u8>) {
        self.0.write(out);
    }
    fn read(input: &mut &[u8]) -> Option<Self> {
        u16::read(input).map(LineNo)
    }
}

impl Key for PartitionId {
    fn write(&self, out: &mut Vec<u8>) {
        self.number().write(out);
    }
    fn read(input: &mut &[u8]) -> Option<Self> {
        PartitionId::from_number(u16::read(input)?)
    }
}

impl Key for FulfillmentOrderId {
    fn write(&self, out: &mut Vec<u8>) {
        self.order.write(out);
        self.number.write(out);
        self.partition_index.write(out);
    }
    fn read(input: &mut &[u8]) -> Option<Self> {
        Some(Self {
            order: OrderId::read(input)?,
            number: u16::read(input)?,
            partition_index: u8::read(input)?,
        })
    }
}

impl Key for ReservationId {
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Order { home, order, attempt } => {
                out.extend_from_slice(&[0, *home]);
                order.write(out);
                attempt.write(out);
            }
            Self::Hold { home, hold } => {
                out.extend_from_slice(&[1, *home]);
                hold.write(out);
            }
        }
    }
    fn read(input: &mut &[u8]) -> Option<Self> {
        match (u8::read(input)?, u8::read(input)?) {
            (0, home) => Some(Self::Order { home, order: OrderId::read(input)?, attempt: u32::read(input)? }),
            (1, home) => Some(Self::Hold { home, hold: HoldId::read(input)? }),
            _ => None,
        }
    }
}

macro_rules! tuple_key {
    ($($name:ident . $index:tt),*) => {
        impl<$($name: Key),*> Key for ($($name,)*) {
            fn write(&self, out: &mut Vec<u8>) {
                $(self.$index.write(out);)*
            }
            fn read(input: &mut &[u8]) -> Option<Self> {
                Some(($($name::read(input)?,)*))
            }
        }
    };
}
tuple_key!(A.0, B.1);
tuple_key!(A.0, B.1, C.2);
tuple_key!(A.0, B.1, C.2, D.3);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_keys_sort_as_text_does_even_when_one_is_a_prefix() {
        let key = |sku: &str, n: u64| (Sku::new(sku).unwrap(), n).bytes();
        assert!(key("A", u64::MAX) < key("A1", 0));
        assert!(key("A", 1) < key("A", 2));
        let bytes = key("A1", 7);
        assert_eq!(<(Sku, u64)>::read(&mut &bytes[..]), Some((Sku::new("A1").unwrap(), 7)));
    }

    #[test]
    fn times_sort_across_the_epoch() {
        let at = |ms| Timestamp::from_ms(ms).bytes();
        assert!(at(-5) < at(0));
        assert!(at(0) < at(5));
    }
}
