//! Deltas of packs: how one object is made from another one. What is not right about a delta is
//! no error here: whoever reads the object in the ordinary way is told.

use std::ops::Range;

/// Bytes that a delta takes from its base.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken {
    /// Where they stand in what is made, and in the base.
    pub new: usize,
    pub old: usize,
    pub length: usize,
}

/// A delta that was unpacked.
pub(super) struct Delta<'a> {
    base: usize,
    pub size: usize,
    orders: &'a [u8],
}

impl<'a> Delta<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Option<Self> {
        let (base, rest) = number(bytes)?;
        let (size, orders) = number(rest)?;
        Some(Self { base, size, orders })
    }

    /// Makes the object, where there is room for it, and tells what was taken from the base, in
    /// the order of the object.
    pub(super) fn apply(
        &self,
        base: &[u8],
        taken: &mut Vec<Taken>,
        room: Vec<u8>,
    ) -> Option<Vec<u8>> {
        taken.clear();
        if base.len() != self.base {
            return None;
        }
        let mut made = room;
        made.clear();
        made.reserve_exact(self.size);
        let mut orders = self.orders;
        while let Some((order, rest)) = orders.split_first() {
            orders = rest;
            let bytes = if order & 0x80 != 0 {
                let range = copy(*order, &mut orders)?;
                let (new, old, length) = (made.len(), range.start, range.len());
                match taken.last_mut() {
                    Some(last)
                        if last.old + last.length == old && last.new + last.length == new =>
                    {
                        last.length += length;
                    }
                    _ => taken.push(Taken { new, old, length }),
                }
                base.get(range)?
            } else {
                let (bytes, rest) = orders.split_at_checked(usize::from(*order))?;
                orders = rest;
                // Zero is no order.
                if bytes.is_empty() {
                    return None;
                }
                bytes
            };
            // It never grows over the room that was made for it.
            if made.len() + bytes.len() > self.size {
                return None;
            }
            made.extend_from_slice(bytes);
        }
        (made.len() == self.size).then_some(made)
    }
}

/// Seven bits a byte, the lowest first, and what follows.
fn number(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut value = 0_usize;
    for (at, byte) in bytes.iter().enumerate().take(9) {
        value |= usize::from(byte & 0x7f).checked_shl(7 * u32::try_from(at).ok()?)?;
        if byte & 0x80 == 0 {
            return Some((value, &bytes[at + 1..]));
        }
    }
    None
}

fn copy(order: u8, rest: &mut &[u8]) -> Option<Range<usize>> {
    let mut part = |bits: Range<u8>| {
        let mut value = 0_usize;
        for (at, bit) in bits.enumerate() {
            if order & 1 << bit != 0 {
                let (byte, left) = rest.split_first()?;
                value |= usize::from(*byte) << (8 * at);
                *rest = left;
            }
        }
        Some(value)
    };
    let start = part(0..4)?;
    let length = match part(4..7)? {
        0 => 0x1_0000,
        length => length,
    };
    Some(start..start + length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delta_takes_from_its_base_and_adds_and_is_refused_where_it_is_wrong() {
        let base = b"hello there";
        // To 16 bytes: `hello`, ` you`, ` there`, `!`.
        let right = b"\x0b\x10\x90\x05\x04 you\x91\x05\x06\x01!";
        let mut taken = Vec::new();
        let made = Delta::new(right).unwrap().apply(base, &mut taken, vec![7]).unwrap();
        assert_eq!(made, b"hello you there!");
        let first = Taken { new: 0, old: 0, length: 5 };
        assert_eq!(taken, [first, Taken { new: 9, old: 5, length: 6 }]);
        let makes = |delta: &[u8], base: &[u8]| {
            Delta::new(delta).and_then(|delta| delta.apply(base, &mut Vec::new(), Vec::new()))
        };
        assert_eq!(makes(right, b"hello"), None, "another base");
        for end in 0..right.len() {
            assert_eq!(makes(&right[..end], base), None, "cut off at {end}");
        }
        assert_eq!(makes(b"\x0b\x01\x00", base), None, "an order that is none");
        assert_eq!(makes(b"\x0b\x01\x02ab", base), None, "more than promised");
        assert_eq!(makes(b"\x0b\x05\x91\x09\x05", base), None, "beyond the base");
        assert_eq!(makes(&[0xff; 30], base), None, "a size without an end");
    }
}
