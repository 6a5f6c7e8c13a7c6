//! The conformance suite over a Redis in memory, a real one, and a Cluster.

use super::*;
use crate::store::conformance::{Kind as StoreKind, TTL, conformance, every_test, fleet};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

#[path = "../../../tests/common/redis.rs"]
mod servers;

fn wait_for<T>(future: impl Future<Output = T>) -> T {
    tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(future))
}

fn open(url: &str, now: u64) -> Arc<dyn Store> {
    Arc::new(wait_for(Redis::open(&Address::parse(url).unwrap(), TTL, now)).unwrap())
}

mod in_memory {
    use super::*;

    struct InMemory(Arc<Memory>);

    impl StoreKind for InMemory {
        fn fresh() -> Self {
            InMemory(Arc::default())
        }

        fn open(&self, now: u64) -> Arc<dyn Store> {
            let store = Redis::in_place(Arc::clone(&self.0) as Arc<dyn Node>, TTL);
            wait_for(store.taken_up(now)).unwrap();
            Arc::new(store)
        }
    }

    conformance!(InMemory);

    #[tokio::test(flavor = "multi_thread")]
    async fn what_one_server_gave_back_another_may_grant_again() {
        let kind = InMemory::fresh();
        fleet::what_one_server_gave_back_another_may_grant_again(|now| kind.open(now)).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn servers_that_fold_at_once_lose_and_double_nothing() {
        let kind = InMemory::fresh();
        fleet::servers_that_fold_at_once_lose_and_double_nothing(|now| kind.open(now)).await;
    }
}

/// Names that scripts/test skips where no Redis can be had.
mod real_redis {
    use super::*;

    struct Alone(servers::Server);

    impl StoreKind for Alone {
        fn fresh() -> Self {
            Alone(servers::Server::start(&[]))
        }

        fn open(&self, now: u64) -> Arc<dyn Store> {
            open(&self.0.url(), now)
        }
    }

    conformance!(Alone);

    #[tokio::test(flavor = "multi_thread")]
    async fn what_one_server_gave_back_another_may_grant_again() {
        let kind = Alone::fresh();
        fleet::what_one_server_gave_back_another_may_grant_again(|now| kind.open(now)).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn servers_that_contend_never_exceed_the_limit() {
        let kind = Alone::fresh();
        fleet::servers_that_contend_never_exceed_the_limit(|now| kind.open(now)).await;
        let kind = Alone::fresh();
        fleet::servers_that_contend_make_each_change_by_hand_once(|now| kind.open(now)).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn servers_that_fold_at_once_lose_and_double_nothing() {
        let kind = Alone::fresh();
        fleet::servers_that_fold_at_once_lose_and_double_nothing(|now| kind.open(now)).await;
    }

    fn refusal(url: &str) -> String {
        match wait_for(Redis::open(&Address::parse(url).unwrap(), TTL, 0)) {
            Ok(_) => panic!("opened"),
            Err(error) => error.to_string(),
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_commit_that_replicas_do_not_have_is_no_commit() {
        let redis = servers::Server::start(&[]);
        let why = refusal(&format!("{}?wait=1", redis.url()));
        assert!(why.contains("only 0 of 1 replicas have the commit"), "{why}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_another_server_did_is_told_only_when_replicas_have_it() {
        let master = servers::Server::start(&["--repl-diskless-sync-delay", "0"]);
        let replica = master.replica();
        let url = format!("{}?wait=1", master.url());
        let (one, other) = (open(&url, 0), open(&url, 0));
        let policy = "dimensions: {}\nbudgets: [{ name: all, limit: 10 tokens, window: lifetime }]";
        let at = Moment { policy: Arc::new(Policy::from_yaml(policy).unwrap()), now: 0 };
        let reset = || {
            let (budget, subject, action) = (0, Vec::new(), audit::Action::Reset);
            let [by, reason, key] = ["ann", "why not", "k"].map(str::to_owned);
            Adjustment { budget, subject, action, by, reason, key }
        };
        replica.signal("STOP");
        for store in [&one, &other] {
            let error = store.adjust(at.clone(), reset()).await.unwrap_err().to_string();
            assert!(error.contains("only 0 of 1 replicas have the commit"), "{error}");
            let error = store.remember(Arc::clone(&at.policy)).await.unwrap_err().to_string();
            assert!(error.contains("only 0 of 1 replicas have the commit"), "{error}");
        }
        replica.signal("CONT");
        let reset = other.adjust(at.clone(), reset()).await.unwrap();
        assert!(matches!(reset, Some(Adjusted::Repeated(_))), "{reset:?}");
        other.remember(at.policy).await.unwrap();
        // Up to Redis 7.0 that would not be needed.
        assert!(master.ask::<bool>(&["EXISTS", "{tollkeeper}:waited"]));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_replica_is_not_written_to() {
        let master = servers::Server::start(&[]);
        let replica = servers::Server::start(&["--replicaof", "127.0.0.1", &master.port.to_string()]);
        let why = refusal(&replica.url());
        assert!(why.contains("it is a replica; name the master, or all of them"), "{why}");
        let both = format!("{},127.0.0.1:{}", replica.url(), master.port);
        assert!(open(&both, 0).ready().await.is_ok());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_another_version_keeps_is_left_alone() {
        let redis = servers::Server::start(&[]);
        open(&redis.url(), 0).close().await.unwrap();
        for (field, form) in [("form", "3"), ("swept_at", "1")] {
            redis.ask::<()>(&["DEL", "{tollkeeper}:server"]);
            redis.ask::<()>(&[
                "HSET",
                "{tollkeeper}:server",
                field,
                if field == "form" { form } else { "7" },
            ]);
            let why = refusal(&redis.url());
            let known = format!("(form {form}; this one knows 2): use that version");
            assert!(why.contains(&known) && why.contains("127.0.0.1"), "{why}");
            assert_eq!(redis.ask::<u64>(&["HLEN", "{tollkeeper}:server"]), 1);
        }
        assert!(open(&format!("{}?prefix=new", redis.url()), 0).ready().await.is_ok());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_redis_without_memory_left_changes_nothing_and_says_so() {
        let redis = servers::Server::start(&[]);
        let store = open(&redis.url(), 0);
        let at = || Moment { policy: Arc::new(Policy::from_yaml("dimensions: {}").unwrap()), now: 0 };
        redis.ask::<()>(&["CONFIG", "SET", "maxmemory", "1"]);
        let keys: Vec<String> = redis.ask(&["KEYS", "*"]);
        let error = store.remember(at().policy).await.unwrap_err().to_string();
        assert!(error.contains("OOM"), "{error}");
        assert_eq!(redis.ask::<Vec<String>>(&["KEYS", "*"]), keys);
        redis.ask::<()>(&["CONFIG", "SET", "maxmemory", "0"]);
        store.remember(at().policy).await.unwrap();
        assert_eq!(redis.ask::<u64>(&["HLEN", "{tollkeeper}:policies"]), 1);
    }

    /// A part of the Cluster that only this one uses.
    struct InACluster(u64);

    static CLUSTER: OnceLock<servers::Cluster> = OnceLock::new();

    impl StoreKind for InACluster {
        fn fresh() -> Self {
            static NEXT: AtomicU64 = AtomicU64::new(0);
            InACluster(NEXT.fetch_add(1, Ordering::Relaxed))
        }

        fn open(&self, now: u64) -> Arc<dyn Store> {
            let url = CLUSTER.get_or_init(servers::Cluster::start).url();
            open(&format!("{url}?prefix=part-{}&wait=1", self.0), now)
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_cluster_conforms() {
        every_test!(in_a_row, InACluster);
        let kind = InACluster::fresh();
        fleet::servers_that_fold_at_once_lose_and_double_nothing(|now| kind.open(now)).await;
    }
}
