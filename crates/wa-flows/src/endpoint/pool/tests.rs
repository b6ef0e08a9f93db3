//! Tests of the pool of private key operations.

use std::sync::mpsc;

use super::*;

fn pool(threads: usize, queue_limit: usize) -> RsaPool {
    RsaPool::new(NonZeroUsize::new(threads).unwrap(), queue_limit)
}

#[tokio::test]
async fn operations_queue_up_to_the_limit_and_are_refused_beyond() {
    let pool = pool(1, 2);
    let (release, held) = mpsc::channel::<()>();
    let mut results = vec![pool.submit(move || held.recv().map_or(0, |()| 0)).unwrap()];
    results.extend([1, 2].map(|number| pool.submit(move || number).unwrap()));
    assert!(pool.is_full());
    assert_eq!(pool.submit(|| 3).unwrap_err(), PoolFull);
    assert_eq!(pool.depth(), 3);

    release.send(()).unwrap();
    for (number, result) in results.into_iter().enumerate() {
        assert_eq!(result.await.unwrap(), number);
    }
    assert_eq!(pool.submit(|| 4).unwrap().await.unwrap(), 4);
}

#[tokio::test]
async fn an_operation_whose_receiver_was_dropped_is_skipped() {
    let pool = pool(1, 2);
    let (release, held) = mpsc::channel::<()>();
    let first = pool.submit(move || held.recv().is_ok()).unwrap();
    let (ran, done) = mpsc::channel();
    drop(pool.submit(move || ran.send(())).unwrap());
    release.send(()).unwrap();
    assert!(first.await.unwrap());
    assert!(done.recv().is_err(), "the second was not run");
}

#[test]
fn a_pool_outlives_the_runtime_that_used_it() {
    for pool in [pool(1, 1), RsaPool::cooperative(1)] {
        for _ in 0..2 {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            assert_eq!(
                runtime
                    .block_on(async { pool.submit(|| 7).unwrap().await })
                    .unwrap(),
                7
            );
        }
    }
}

#[tokio::test]
async fn other_tasks_run_between_two_operations_of_a_cooperative_pool() {
    let pool = RsaPool::cooperative(2);
    let order = Arc::new(Mutex::new(Vec::new()));
    let note = |what| {
        let order = Arc::clone(&order);
        move || order.lock().unwrap().push(what)
    };
    let operations = [1, 2, 3].map(|number| pool.submit(note(number)).unwrap());
    assert_eq!(pool.submit(|| ()).unwrap_err(), PoolFull);
    let other = note(0);
    let other = tokio::spawn(async move { other() });
    for operation in operations {
        operation.await.unwrap();
    }
    other.await.unwrap();
    assert_eq!(*order.lock().unwrap(), [1, 0, 2, 3]);
    assert_eq!(pool.depth(), 0);
}

#[test]
fn a_runtime_that_is_not_driven_delays_no_other() {
    for pool in [pool(1, 4), RsaPool::cooperative(4)] {
        let runtime = || {
            tokio::runtime::Builder::new_current_thread()
                .enable_time()
                .build()
                .unwrap()
        };
        let (idle, busy) = (runtime(), runtime());
        let within = |runtime: &tokio::runtime::Runtime, number| {
            let _inside = runtime.enter();
            pool.submit(move || number).unwrap()
        };
        let of_idle = within(&idle, 1);
        busy.block_on(async {
            let result = pool.submit(|| 2).unwrap();
            let result = tokio::time::timeout(Duration::from_secs(10), result).await;
            assert_eq!(result.unwrap().unwrap(), 2, "{pool:?}");
        });
        let of_busy = within(&busy, 3);
        drop(idle);
        assert_eq!(busy.block_on(of_busy).unwrap(), 3, "{pool:?}");
        drop(of_idle);
    }
}

#[test]
fn threads_share_the_queue_and_are_reused() {
    let pool = pool(2, 8);
    for _ in 0..50 {
        // Each waits for the other, so they end only if they run at the same time.
        let barrier = Arc::new(std::sync::Barrier::new(2));
        let results = [1, 2].map(|number| {
            let barrier = Arc::clone(&barrier);
            pool.submit(move || {
                barrier.wait();
                number
            })
            .unwrap()
        });
        for (number, result) in (1..).zip(results) {
            assert_eq!(result.blocking_recv().unwrap(), number);
        }
    }
    assert!(pool.inner.lock().values().all(|lane| lane.workers == 2));
}

#[test]
fn operations_left_by_a_runtime_that_ended_are_dropped() {
    let pool = RsaPool::cooperative(1);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let results = runtime.block_on(async { [1, 2].map(|number| pool.submit(move || number).unwrap()) });
    drop(runtime);
    assert_eq!(pool.depth(), 0);
    for mut result in results {
        assert!(result.try_recv().is_err(), "neither was run");
    }
}
