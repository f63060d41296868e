//! The CRC-64/XZ of two texts put together, from the CRC of each.

/// The polynomial of CRC-64/XZ (ECMA-182), bits reversed.
const POLYNOMIAL: u64 = 0xC96C_5795_D787_0F42;

type Matrix = [u64; 64];

/// The CRC of `left` followed by `right`, where `right_size` is the length of `right` in bytes.
///
/// Appending zero bytes is linear over GF(2): its matrix is raised to the length by squaring.
pub(crate) fn combine(left: u64, right: u64, right_size: u64) -> u64 {
    let mut shifted = left;
    let mut power = one_zero_byte();
    let mut size = right_size;
    while size > 0 {
        if size & 1 == 1 {
            shifted = times(&power, shifted);
        }
        power = square(&power);
        size >>= 1;
    }
    shifted ^ right
}

fn one_zero_byte() -> Matrix {
    let mut bit = [0; 64];
    bit[0] = POLYNOMIAL;
    for (index, row) in bit.iter_mut().enumerate().skip(1) {
        *row = 1 << (index - 1);
    }
    (0..3).fold(bit, |power, _| square(&power))
}

fn square(matrix: &Matrix) -> Matrix {
    matrix.map(|row| times(matrix, row))
}

fn times(matrix: &Matrix, vector: u64) -> u64 {
    (0..64).filter(|bit| vector >> bit & 1 == 1).fold(0, |sum, bit| sum ^ matrix[bit])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn crc(bytes: &[u8]) -> u64 {
        let mut digest = crc64fast::Digest::new();
        digest.write(bytes);
        digest.sum64()
    }

    #[test]
    fn the_check_value_of_the_catalogue_holds() {
        assert_eq!(crc(b"123456789"), 0x995D_C9BB_DF19_39FA);
    }

    proptest! {
        #[test]
        fn two_parts_have_the_crc_of_the_whole(left: Vec<u8>, right: Vec<u8>) {
            let whole = [left.as_slice(), right.as_slice()].concat();
            prop_assert_eq!(combine(crc(&left), crc(&right), right.len() as u64), crc(&whole));
        }
    }
}
