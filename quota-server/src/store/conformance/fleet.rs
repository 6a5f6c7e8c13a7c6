//! What a store must do that several servers use at once. Not a part of every store's suite.

use super::*;

/// `open` opens the same store once more.
pub(crate) async fn what_one_server_gave_back_another_may_grant_again(open: impl Fn(u64) -> Arc<dyn Store>) {
    let (one, two) = (open(T0), open(T0));
    let ask = |number| acquire(worker(1, 1), number, vec![want("tokens", &["acme"], 200, 50)]);
    assert_eq!(granted(&one, T0, ask(1)).await.grants[0].amount, 300);
    let back = SyncRequest { settled: vec![settled("tokens", 1, 0, 300)], ..sync(worker(1, 1), 1) };
    applied(&two, T0, back).await;
    assert_eq!(granted(&one, T0, ask(2)).await.grants[0].amount, 300);
    // It is known to be held: the process falls silent, and the other server charges it.
    time_passes(&two, T0, T0 + TTL).await;
    assert_eq!(two.sweep(at(T0 + TTL)).await.unwrap().lapsed, 1);
    assert_eq!(state(&one, T0, "tokens").await, holding(300, 0));
}

pub(crate) async fn servers_that_contend_make_each_change_by_hand_once(open: impl Fn(u64) -> Arc<dyn Store>) {
    super::adjustments::at_once(&[open(T0), open(T0), open(T0)]).await;
}

pub(crate) async fn servers_that_contend_never_exceed_the_limit(open: impl Fn(u64) -> Arc<dyn Store>) {
    super::leases::contend(&[open(T0), open(T0), open(T0)], 150).await;
}

pub(crate) async fn servers_that_fold_at_once_lose_and_double_nothing(open: impl Fn(u64) -> Arc<dyn Store>) {
    super::retention::at_once(&[open(0), open(0), open(0)]).await;
}
