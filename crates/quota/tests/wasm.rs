//! Records of shared data and messages are the same bytes under wasm as natively, whatever the size of a pointer.
#![cfg(target_arch = "wasm32")]
#![allow(clippy::unwrap_used)]

use prost::Message;
use quota::proto::{AcquireResponse, Grant, LeaseTerm};
use quota::{BucketKey, Epoch, Lease, Take};
use wasm_bindgen_test::wasm_bindgen_test;

const KEY: BucketKey = BucketKey(0x0123_4567_89ab_cdef_fedc_ba98_7654_3210);

fn lease() -> Lease {
    let epoch = Epoch { window: 1_795_456_800_000, generation: 7 };
    Lease::granted(KEY, epoch, 1_795_460_400_000, u64::MAX, 1_795_456_900_000).credit(500, 1_795_456_900_000)
}

#[wasm_bindgen_test]
fn a_lease_is_read_as_it_was_written() {
    let bytes = lease().encode();
    // Little-endian: the lower half of the key comes first.
    assert_eq!(bytes.get(..8), Some([0x10, 0x32, 0x54, 0x76, 0x98, 0xba, 0xdc, 0xfe].as_slice()));
    assert_eq!(Lease::decode(&bytes), Some(lease()));
}

#[wasm_bindgen_test]
fn amounts_are_taken_and_put_back() {
    let Take::Taken(after) = lease().take(200, 1_795_456_900_000) else { panic!("500 cover 200") };
    assert_eq!(after.available, 300);
    assert_eq!(after.credit(200, 1_795_456_900_000), lease());
    assert_eq!(lease().take(501, 1_795_456_900_000), Take::Short { available: 500 });
}

#[wasm_bindgen_test]
fn messages_carry_64_bits() {
    let grant = Grant { amount: u64::MAX, window: 1_795_456_800_000, ..Grant::default() };
    let answer = AcquireResponse {
        grants: vec![grant],
        term: Some(LeaseTerm { generation: u32::MAX, ttl_ms: 60_000 }),
        ..AcquireResponse::default()
    };
    assert_eq!(AcquireResponse::decode(answer.encode_to_vec().as_slice()).unwrap(), answer);
}
