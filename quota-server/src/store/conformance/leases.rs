//! Acquiring.

use super::*;

pub(crate) async fn a_grant_covers_the_need_and_leaves_the_rest(kind: impl Kind) {
    let store = kind.open(T0);
    let answer =
        granted(&store, T0 + 1_000, acquire(worker(1, 1), 1, vec![want("tokens", &["acme"], 200, 50)])).await;
    let grant = &answer.grants[0];
    // The need and two ticks of demand.
    assert_eq!((grant.amount, grant.limit, grant.remaining), (300, 1000, 700));
    assert_eq!((grant.window, grant.resets_in_ms), (T0, HOUR - 1_000));
    assert_eq!(answer.term.map(|term| (term.generation, term.ttl_ms)), Some((1, 60_000)));
    assert_eq!(state(&store, T0, "tokens").await, holding(0, 300));
}

pub(crate) async fn all_wants_are_granted_or_none(kind: impl Kind) {
    let store = kind.open(T0);
    let wants = vec![want("tokens", &["acme"], 200, 50), want("calls", &["acme", "ann"], 11, 0)];
    let Acquired::Exhausted(answer) = store.acquire(at(T0), acquire(worker(1, 1), 1, wants)).await.unwrap()
    else {
        panic!("11 of 10 calls granted")
    };
    let exhausted = answer.exhausted.unwrap();
    assert_eq!((exhausted.want, exhausted.limit, exhausted.remaining), (1, 10, 10));
    assert_eq!(answer.grants, []);
    assert_eq!(state(&store, T0, "tokens").await, holding(0, 0));

    let wants = vec![want("tokens", &["acme"], 200, 50), want("calls", &["acme", "ann"], 10, 0)];
    let answer = granted(&store, T0, acquire(worker(1, 1), 2, wants)).await;
    assert_eq!(answer.grants.iter().map(|grant| grant.amount).collect::<Vec<_>>(), [300, 10]);
}

pub(crate) async fn what_others_hold_comes_back_and_what_is_spent_does_not(kind: impl Kind) {
    let store = kind.open(T0);
    granted(&store, T0, acquire(worker(1, 1), 1, vec![want("calls", &["acme", "ann"], 10, 0)])).await;
    let asked = acquire(worker(2, 1), 1, vec![want("calls", &["acme", "ann"], 1, 0)]);
    let Acquired::Exhausted(answer) = store.acquire(at(T0), asked).await.unwrap() else { panic!("granted") };
    let held = answer.exhausted.unwrap();
    assert_eq!((held.remaining, held.resets_in_ms), (0, HOUR));
    assert!(held.retry_in_ms < 1_000, "soon: the holder may return some");
    // The holder itself, for a request that takes all of that and one more, has nothing to wait for.
    let one_more = Want { held: 10, ..want("calls", &["acme", "ann"], 1, 0) };
    let asked = acquire(worker(1, 1), 2, vec![one_more]);
    let Acquired::Exhausted(answer) = store.acquire(at(T0), asked).await.unwrap() else { panic!("granted") };
    assert_eq!(answer.exhausted.unwrap().retry_in_ms, HOUR);

    let mut spent = settled("calls", 1, 10, 0);
    spent.bucket = bucket("calls", &["acme", "ann"]);
    applied(&store, T0, SyncRequest { settled: vec![spent], ..sync(worker(1, 1), 1) }).await;
    let asked = acquire(worker(2, 1), 2, vec![want("calls", &["acme", "ann"], 1, 0)]);
    let Acquired::Exhausted(answer) = store.acquire(at(T0 + 5), asked).await.unwrap() else {
        panic!("granted")
    };
    assert_eq!(answer.exhausted.unwrap().retry_in_ms, HOUR - 5);
}

pub(crate) async fn who_gives_way_gets_nothing_of_what_is_kept_and_keeps_nobody_from_it(kind: impl Kind) {
    let store = kind.open(T0);
    let leaving = |need, keep| vec![Want { keep, ..want("tokens", &["acme"], need, 500) }];
    // Half of the 100 that are neither needed nor kept come on top.
    let answer = granted(&store, T0, acquire(worker(1, 1), 1, leaving(500, 400))).await;
    assert_eq!((answer.grants[0].amount, answer.grants[0].remaining), (550, 450));
    let asked = acquire(worker(1, 1), 2, leaving(51, 400));
    let Acquired::Exhausted(answer) = store.acquire(at(T0), asked).await.unwrap() else { panic!("granted") };
    let exhausted = answer.exhausted.unwrap();
    assert_eq!((exhausted.gives_way, exhausted.remaining, exhausted.unused), (true, 450, 1000));
    assert!(exhausted.retry_in_ms < 1_000, "soon: the holder may return some");
    granted(&store, T0, acquire(worker(2, 1), 1, vec![want("tokens", &["acme"], 450, 0)])).await;

    // What a process has in hand is left, too; but once all but what is kept is spent there is nothing to wait for before the window ends.
    applied(&store, T0, SyncRequest { settled: vec![settled("tokens", 1, 550, 0)], ..sync(worker(1, 1), 1) })
        .await;
    let leaving_in_hand = vec![Want { keep: 400, in_hand: 350, ..want("tokens", &["acme"], 51, 500) }];
    let asked = acquire(worker(1, 1), 3, leaving_in_hand);
    let Acquired::Exhausted(answer) = store.acquire(at(T0), asked).await.unwrap() else { panic!("granted") };
    let exhausted = answer.exhausted.unwrap();
    assert_eq!((exhausted.gives_way, exhausted.retry_in_ms), (false, HOUR));
}

pub(crate) async fn a_repeated_acquire_takes_nothing_more(kind: impl Kind) {
    let store = kind.open(T0);
    let asked = acquire(worker(1, 1), 7, vec![want("tokens", &["acme"], 200, 50)]);
    let first = granted(&store, T0, asked.clone()).await;
    let again = granted(&store, T0 + 400, asked).await;
    assert_eq!(again.grants[0].amount, first.grants[0].amount);
    assert_eq!(again.grants[0].resets_in_ms, first.grants[0].resets_in_ms - 400);
    assert_eq!(state(&store, T0, "tokens").await, holding(0, 300));

    // The same number of another worker is another acquire.
    granted(&store, T0, acquire(worker(1, 2), 7, vec![want("tokens", &["acme"], 200, 50)])).await;
    assert_eq!(state(&store, T0, "tokens").await.outstanding, 600);
}

pub(crate) async fn a_refused_acquire_is_refused_again_whatever_has_come_back(kind: impl Kind) {
    let store = kind.open(T0);
    granted(&store, T0, acquire(worker(1, 1), 1, vec![want("tokens", &["acme"], 900, 1)])).await;
    let asked = acquire(worker(2, 1), 1, vec![want("tokens", &["acme"], 200, 1)]);
    let Acquired::Exhausted(first) = store.acquire(at(T0), asked.clone()).await.unwrap() else {
        panic!("900 and 200 of 1000 granted")
    };
    let back = SyncRequest { settled: vec![settled("tokens", 1, 0, 900)], ..sync(worker(1, 1), 1) };
    applied(&store, T0, back).await;
    // A copy of it that comes late: its worker has acted on the first answer, and would not know of a grant.
    assert_eq!(store.acquire(at(T0), asked).await.unwrap(), Acquired::Exhausted(first));
    assert_eq!(state(&store, T0, "tokens").await, holding(0, 2));
}

pub(crate) async fn an_unanswered_acquire_is_taken_back_and_can_not_come_late(kind: impl Kind) {
    let store = kind.open(T0);
    let came = acquire(worker(1, 1), 1, vec![want("tokens", &["acme"], 200, 50)]);
    let late = acquire(worker(1, 1), 2, vec![want("tokens", &["acme"], 100, 50)]);
    granted(&store, T0, came.clone()).await;
    applied(&store, T0, SyncRequest { unanswered: vec![1, 2], ..sync(worker(1, 1), 1) }).await;
    assert_eq!(state(&store, T0, "tokens").await, holding(0, 0));

    assert_eq!(store.acquire(at(T0), came).await.unwrap(), Acquired::Withdrawn);
    assert_eq!(store.acquire(at(T0), late).await.unwrap(), Acquired::Withdrawn);
    // Withdrawing twice gives back once.
    granted(&store, T0, acquire(worker(1, 1), 3, vec![want("tokens", &["acme"], 500, 1)])).await;
    applied(&store, T0, SyncRequest { unanswered: vec![1, 2], ..sync(worker(1, 1), 2) }).await;
    assert_eq!(state(&store, T0, "tokens").await, holding(0, 502));
}

pub(crate) async fn a_budget_in_another_form_grants_nothing(kind: impl Kind) {
    let store = kind.open(T0);
    for (number, stray) in
        [want("gone", &["acme"], 1, 0), want("calls", &["acme"], 1, 0)].into_iter().enumerate()
    {
        let wants = vec![want("tokens", &["acme"], 10, 0), stray];
        let asked = acquire(worker(1, 1), number as u64, wants);
        let Acquired::Stale(answer) = store.acquire(at(T0), asked).await.unwrap() else {
            panic!("not stale")
        };
        assert_eq!((answer.grants.len(), answer.exhausted), (0, None));
        assert!(answer.term.is_some());
    }
    assert_eq!(state(&store, T0, "tokens").await, holding(0, 0));
}

pub(crate) async fn a_subject_may_have_a_limit_of_its_own(kind: impl Kind) {
    let store = kind.open(T0);
    let ask = async |now, number, tenant, need| {
        let asked = acquire(worker(1, 1), number, vec![want("tiers", &[tenant], need, 0)]);
        store.acquire(at(now), asked).await.unwrap()
    };
    let Acquired::Granted(answer) = ask(T0, 1, "acme", 200).await else { panic!("200 of 300 refused") };
    let grant = &answer.grants[0];
    // The need and a sixteenth of what is left of 300.
    assert_eq!((grant.amount, grant.limit, grant.remaining), (206, 300, 94));
    let Acquired::Exhausted(answer) = ask(T0, 2, "acme", 95).await else { panic!("301 of 300 granted") };
    let exhausted = answer.exhausted.unwrap();
    assert_eq!((exhausted.limit, exhausted.remaining), (300, 94));
    assert!(matches!(ask(T0, 3, "beta", 101).await, Acquired::Exhausted(_)));

    // Spent, it frees when the slot has ceased to count: what is needed then fits into the same 300.
    let spent = SyncRequest { settled: vec![settled("tiers", 1, 206, 0)], ..sync(worker(1, 1), 1) };
    applied(&store, T0, spent).await;
    let Acquired::Exhausted(answer) = ask(T0 + 2_000, 4, "acme", 250).await else { panic!("456 of 300") };
    assert_eq!(answer.exhausted.unwrap().retry_in_ms, 62_000);
    assert!(matches!(ask(T0 + 2_000, 5, "acme", 94).await, Acquired::Granted(_)));
}

/// One call of 100 tokens, by organisation, team, member and key; the name of the level that refuses it.
async fn hundred(
    store: &Arc<dyn Store>,
    number: u64,
    [team, member, key]: [&str; 3],
) -> Option<&'static str> {
    let levels: [(&str, &[&str]); 4] =
        [("org", &[]), ("team", &[team]), ("member", &[team, member]), ("key", &[team, member, key])];
    // Asked with a demand that a lease would be made larger for, were there room.
    let wants = levels.map(|(budget, subject)| want(budget, subject, 100, 1)).to_vec();
    match store.acquire(at(T0), acquire(worker(number, 1), number, wants)).await.unwrap() {
        Acquired::Exhausted(answer) => {
            let refused = answer.exhausted.unwrap().want;
            Some(["org", "team", "member", "key"][refused as usize])
        }
        Acquired::Granted(answer) => {
            let mut back = Vec::new();
            for ((budget, subject), grant) in levels.iter().zip(&answer.grants) {
                back.push(Settled {
                    bucket: bucket(budget, subject),
                    window: grant.window,
                    generation: grant.generation,
                    spent: 100,
                    returned: grant.amount - 100,
                });
            }
            applied(store, T0, SyncRequest { settled: back, ..sync(worker(number, 1), 1) }).await;
            None
        }
        other => panic!("{other:?}"),
    }
}

pub(crate) async fn a_child_never_has_more_than_any_of_its_parents(kind: impl Kind) {
    let store = kind.open(T0);
    let mut number = 0;
    // Each level has one hundred less left than those below it together want.
    for (who, refused) in [
        (["a", "ann", "k1"], None),
        (["a", "ann", "k1"], None),
        (["a", "ann", "k1"], Some("key")),
        (["a", "ann", "k2"], None),
        (["a", "ann", "k2"], None),
        (["a", "ann", "k3"], Some("member")),
        (["a", "bob", "k1"], None),
        (["a", "bob", "k1"], None),
        (["a", "bob", "k2"], Some("team")),
        (["b", "eve", "k1"], None),
        (["b", "eve", "k1"], None),
        (["b", "eve", "k2"], None),
        (["b", "eve", "k2"], Some("org")),
        (["c", "max", "k1"], Some("org")),
    ] {
        number += 1;
        assert_eq!(hundred(&store, number, who).await, refused, "call {number} of {who:?}");
    }
    let used: Vec<_> = store.buckets(T0).await.unwrap().into_iter().map(|open| open.bucket.used).collect();
    assert_eq!(used.iter().sum::<u64>(), 4 * 900, "at each level all of it");
}

pub(crate) async fn calls_in_flight_are_granted_one_by_one_and_released_when_lost(kind: impl Kind) {
    let store = kind.open(T0);
    for number in 1..=20 {
        let asked = acquire(worker(number % 3, 1), number, vec![want("flights", &["acme"], 1, 50)]);
        assert_eq!(granted(&store, T0, asked).await.grants[0].amount, 1, "others lack what is kept");
    }
    let asked = acquire(worker(1, 1), 21, vec![want("flights", &["acme"], 1, 1)]);
    let Acquired::Exhausted(answer) = store.acquire(at(T0), asked).await.unwrap() else { panic!("21 of 20") };
    assert!(answer.exhausted.unwrap().retry_in_ms < 1_000, "one may land any moment");

    let landed = SyncRequest {
        settled: vec![Settled { window: 1, ..settled("flights", 1, 0, 2) }],
        ..sync(worker(1, 1), 1)
    };
    time_passes(&store, T0, T0 + TTL - 1).await;
    applied(&store, T0 + TTL - 1, landed).await;
    assert_eq!(state(&store, T0, "flights").await, holding(0, 18));
    // Of the other processes nothing was heard any more.
    store.sweep(at(T0 + TTL)).await.unwrap();
    assert_eq!(state(&store, T0, "flights").await, holding(0, 5));
}

pub(crate) async fn a_new_window_is_a_new_bucket(kind: impl Kind) {
    let store = kind.open(T0);
    let end = T0 + HOUR;
    let last =
        granted(&store, end - 1, acquire(worker(1, 1), 1, vec![want("tokens", &["acme"], 1000, 0)])).await;
    assert_eq!((last.grants[0].window, last.grants[0].resets_in_ms), (T0, 1));
    let first =
        granted(&store, end, acquire(worker(1, 1), 2, vec![want("tokens", &["acme"], 1000, 0)])).await;
    assert_eq!((first.grants[0].window, first.grants[0].resets_in_ms), (end, HOUR));
}

pub(crate) async fn concurrent_acquires_never_exceed_the_limit(kind: impl Kind) {
    contend(&[kind.open(T0)], 100).await;
}

/// So many ask at once, by turns of all that are one store: nearly all of a budget of 1,000 is granted, and no more.
pub(super) async fn contend(servers: &[Arc<dyn Store>], acquires: u64) {
    let asked = (0..acquires).zip(servers.iter().cycle()).map(|(n, server)| {
        let store = Arc::clone(server);
        let request = acquire(worker(n % 5, n), 1, vec![want("tokens", &["acme"], 20, 40)]);
        tokio::spawn(async move { store.acquire(at(T0), request).await.unwrap() })
    });
    let mut total = 0;
    for each in asked.collect::<Vec<_>>() {
        if let Acquired::Granted(answer) = each.await.unwrap() {
            total += answer.grants[0].amount;
        }
    }
    assert!((980..=1000).contains(&total), "{total} granted; less than one need may be left");
    assert_eq!(state(&servers[0], T0, "tokens").await, holding(0, total));
}

/// One process asks as fast as it can and spends all it gets at once; another needs 20 in each round, and has them until there
/// are no 20 left.
pub(crate) async fn a_flood_leaves_others_their_share_and_other_buckets_alone(kind: impl Kind) {
    let store = kind.open(T0);
    let ask = async |process, number, need, demand| {
        let asked = acquire(worker(process, 1), number, vec![want("tokens", &["acme"], need, demand)]);
        match store.acquire(at(T0), asked).await.unwrap() {
            Acquired::Granted(answer) => answer.grants[0].amount,
            Acquired::Exhausted(_) => 0,
            other => panic!("{other:?}"),
        }
    };
    let spend = async |process, sequence, spent| {
        let told = SyncRequest {
            settled: vec![settled("tokens", 1, spent, 0)],
            ..sync(worker(process, 1), sequence)
        };
        applied(&store, T0, told).await;
    };
    let (mut held, mut served, mut asked) = (0, 0, 0);
    for round in 1.. {
        for more in 0..3 {
            let got = ask(1, round * 3 + more, 20, 1_000).await;
            spend(1, round * 3 + more, got).await;
        }
        if held < 20 {
            asked += 1;
            let left = state(&store, T0, "tokens").await.remaining(1_000);
            let got = ask(2, asked, 20, 20).await;
            assert_eq!(got >= 20, left >= 20, "{left} are left in round {round}");
            held += got;
        }
        if held < 20 {
            break;
        }
        held -= 20;
        served += 1;
        spend(2, round, 20).await;
    }
    assert_eq!(state(&store, T0, "tokens").await.remaining(1_000) / 20, 0);
    assert!(served >= 3, "{served} calls were served beside the flood");

    let others = acquire(worker(2, 1), 100, vec![want("tokens", &["globex"], 1_000, 0)]);
    assert_eq!(granted(&store, T0, others).await.grants[0].amount, 1_000);
}
