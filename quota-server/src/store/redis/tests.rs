//! The conformance suite over a Redis in memory, a real one, and a Cluster.

use super::*;
use crate::store::conformance::{Kind as StoreKind, TTL, conformance, every_test};
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
    }
}
