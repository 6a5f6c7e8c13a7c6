//! Spending without leases.

use super::*;
use crate::store::Charge;

fn charge(budget: &str, subject: &[&str], amount: u64) -> Charge {
    Charge {
        budget: policy().budgets.iter().position(|each| each.name == budget).unwrap(),
        subject: subject.iter().map(|&value| value.into()).collect(),
        amount,
    }
}

pub(crate) async fn all_charges_are_spent_or_none(kind: impl Kind) {
    let store = kind.open(T0);
    let ann = ["acme", "ann"];
    let spent =
        store.spend(at(T0), vec![charge("tokens", &["acme"], 400), charge("calls", &ann, 6)]).await.unwrap();
    assert_eq!((spent.fits, spent.buckets), (vec![true, true], vec![holding(400, 0), holding(6, 0)]));

    // Twice the same bucket: the second charge finds what the first left.
    let charges = vec![charge("tokens", &["acme"], 400), charge("calls", &ann, 3), charge("calls", &ann, 3)];
    let spent = store.spend(at(T0), charges).await.unwrap();
    assert_eq!(spent.fits, [true, true, false]);
    assert_eq!(spent.buckets, [holding(400, 0), holding(6, 0), holding(6, 0)]);
    assert_eq!(state(&store, T0, "tokens").await, holding(400, 0));
}

pub(crate) async fn spends_and_leases_share_a_bucket(kind: impl Kind) {
    let store = kind.open(T0);
    granted(&store, T0, acquire(worker(1, 1), 1, vec![want("tokens", &["acme"], 900, 1)])).await;
    let spent = store.spend(at(T0), vec![charge("tokens", &["acme"], 99)]).await.unwrap();
    assert_eq!(spent.fits, [false]);
    let spent = store.spend(at(T0), vec![charge("tokens", &["acme"], 98)]).await.unwrap();
    assert_eq!((spent.fits, spent.buckets), (vec![true], vec![holding(98, 902)]));
}

pub(crate) async fn a_shadow_budget_counts_without_refusing(kind: impl Kind) {
    let store = kind.open(T0);
    let spent = store.spend(at(T0), vec![charge("watched", &["acme"], 150)]).await.unwrap();
    assert_eq!((spent.fits, spent.buckets), (vec![true], vec![holding(150, 0)]));
}
