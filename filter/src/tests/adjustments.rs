//! Budgets that people change while they are used up.

use super::*;
use crate::fake::Meddler;
use std::cell::Cell;

/// Each call takes 10 tokens of prompt and at most 90 of output: five of them are all there is.
fn mesh(workers: usize) -> Mesh {
    let policy = BUDGET.replace("output_limit: 100", "output_limit: 90").replace("10000", "500");
    let mut mesh = Mesh::new(&policy, workers);
    mesh.server.generosity = 0;
    mesh
}

/// How many of so many calls get through, one after the other, each followed by a report.
fn admitted(mesh: &mut Mesh, worker: usize, tenant: &str, calls: usize) -> usize {
    let mut admitted = 0;
    for _ in 0..calls {
        let (context, sent) = mesh.call_from(worker, tenant, ASK);
        if let Sent::Upstream { .. } = sent {
            admitted += 1;
            let worker = &mut mesh.workers[worker];
            worker.response_begins(context, &[(":status", "200"), ("content-type", "application/json")]);
            worker.response_piece(context, completion(ASK_TOKENS, 90).as_bytes(), true);
            worker.close(context);
        }
        mesh.report();
    }
    admitted
}

/// Adds to a tenant's budget, and has the workers report once as they do when they have nothing to say.
fn top_up(mesh: &mut Mesh, tenant: &str, amount: u64) {
    mesh.server.top_up("hourly", tenant, amount, mesh.process.now_ms.get());
    mesh.process.now_ms.set(mesh.process.now_ms.get() + 5_000);
    mesh.report();
}

#[test]
fn what_was_added_is_had_before_the_window_ends_and_no_more_than_that() {
    let mut mesh = mesh(2);
    assert_eq!((admitted(&mut mesh, 0, "acme", 10), admitted(&mut mesh, 1, "acme", 10)), (5, 0));
    // The first change of all, which no worker can place, and one that is named to them.
    for _ in 0..2 {
        top_up(&mut mesh, "acme", 300);
        assert_eq!((admitted(&mut mesh, 1, "acme", 2), admitted(&mut mesh, 0, "acme", 10)), (2, 1));
        assert_eq!(admitted(&mut mesh, 1, "acme", 10), 0);
    }
    assert_eq!(mesh.server.used("hourly", "acme"), 1_100);
}

#[test]
fn others_who_are_used_up_are_asked_for_no_more_than_before() {
    let mut mesh = mesh(1);
    top_up(&mut mesh, "globex", 100);
    assert_eq!(admitted(&mut mesh, 0, "acme", 10), 5);
    let before = mesh.server.acquires;
    top_up(&mut mesh, "globex", 100);
    assert_eq!(admitted(&mut mesh, 0, "acme", 10), 0);
    assert_eq!(mesh.server.acquires, before, "only the one that was changed is doubted");
}

#[test]
fn an_answer_from_before_a_change_that_is_known_by_now_is_not_remembered() {
    let mut mesh = mesh(1);
    top_up(&mut mesh, "globex", 100);
    assert_eq!(admitted(&mut mesh, 0, "acme", 5), 5);
    // The server says that there is no more; its answer is late.
    let (context, sent) = mesh.workers[0].request(&chat_headers("acme"), &[ASK.as_bytes()], false);
    assert!(matches!(sent, Sent::Held));
    let call = mesh.workers[0].take_calls().pop().unwrap();
    let late = mesh.server.answer(&call, mesh.process.now_ms.get()).unwrap();
    top_up(&mut mesh, "acme", 100);
    mesh.workers[0].answer_call(&call, Ok(late));
    mesh.workers[0].close(context);
    assert_eq!(admitted(&mut mesh, 0, "acme", 10), 1);
}

/// Counts what is written to shared data.
#[derive(Default)]
struct Writes(Cell<u32>);

impl Meddler for Writes {
    fn instead(&self, _there: Option<&[u8]>, _new: &[u8]) -> Option<Vec<u8>> {
        self.0.set(self.0.get() + 1);
        None
    }
}

#[test]
fn a_bucket_of_which_nothing_is_known_to_lack_is_left_as_it_is() {
    for (calls, writes) in [(4, 0), (6, 1)] {
        let mut mesh = mesh(1);
        top_up(&mut mesh, "globex", 100);
        assert_eq!(admitted(&mut mesh, 0, "acme", calls), calls.min(5));
        let written = Rc::new(Writes::default());
        mesh.process.set_meddler(Rc::clone(&written) as Rc<dyn Meddler>);
        top_up(&mut mesh, "acme", 100);
        assert_eq!(written.0.get(), writes, "after {calls} calls");
    }
}
