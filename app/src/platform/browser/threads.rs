//! Further threads, each with this program and a memory of its own. Messages travel as a text and buffers, which change
//! hands and are not copied.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::{Rc, Weak};
use std::sync::Arc;

use futures::channel::mpsc::unbounded;
use futures::channel::oneshot;
use futures::future::{LocalBoxFuture, join_all};
use futures::{FutureExt, StreamExt};
use js_sys::{Array, Reflect, Uint8Array};
use medcontext_core::pool::{self, Message};
use medcontext_core::train::PoolServer;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::spawn_local;
use web_sys::{Event, MessageEvent, Worker, WorkerOptions, WorkerType};

use super::{on_death, worker_scope};

/// What a thread loads first.
const LOADER: &str = "./pool-worker.js";

/// The name by which a thread knows that it is one.
const NAME: &str = "pool";

/// What a thread says when it listens, and when it dies; an answer is an array.
const LISTENING: JsValue = JsValue::TRUE;
const DEAD: JsValue = JsValue::FALSE;

/// Logical cores of the machine, as far as the browser tells.
pub fn cores() -> usize {
    let cores = worker_scope().navigator().hardware_concurrency();
    if cores.is_finite() && cores >= 1.0 {
        cores as usize
    } else {
        1
    }
}

/// Memory of the machine in GiB, as far as the browser tells; it rounds, and stops at 8 or 32.
pub fn memory_gib() -> Option<f64> {
    Reflect::get(&worker_scope().navigator(), &"deviceMemory".into())
        .ok()?
        .as_f64()
}

/// Starts so many threads and waits until each listens or has failed to load.
pub async fn start_threads(count: usize) -> Vec<Rc<dyn pool::Worker>> {
    let (threads, listening): (Vec<_>, Vec<_>) = (0..count)
        .map(|_| {
            let (connection, listens) = Connection::open();
            let thread: Rc<dyn pool::Worker> = Rc::new(Thread(RefCell::new(connection)));
            (thread, listens)
        })
        .unzip();
    join_all(listening).await;
    threads
}

/// A thread, and the one that takes its place when it has died.
struct Thread(RefCell<Rc<Connection>>);

impl pool::Worker for Thread {
    fn ask(&self, message: Message) -> LocalBoxFuture<'static, Option<Message>> {
        let mut connection = self.0.borrow_mut();
        if connection.dead.get() {
            *connection = Connection::open().0;
        }
        let answer = connection.ask(message);
        async move { answer.await.ok() }.boxed_local()
    }
}

/// What the browser calls with an event.
type Listener = Closure<dyn Fn(Event)>;

/// The line to one thread.
struct Connection {
    /// Nothing where the browser starts none.
    worker: Option<Worker>,
    /// Messages that wait until it listens; nothing once it does.
    waiting: RefCell<Option<Vec<Message>>>,
    /// Told when it listens or is dead.
    listens: Cell<Option<oneshot::Sender<()>>>,
    /// Those who wait for answers, in the order of their messages.
    asked: RefCell<VecDeque<oneshot::Sender<Message>>>,
    dead: Cell<bool>,
    /// Called by the browser for as long as the thread lives.
    listeners: RefCell<Vec<Listener>>,
}

impl Connection {
    fn open() -> (Rc<Self>, oneshot::Receiver<()>) {
        let options = WorkerOptions::new();
        options.set_type(WorkerType::Module);
        options.set_name(NAME);
        let worker = Worker::new_with_options(LOADER, &options).ok();
        let (listens, listening) = oneshot::channel();
        let connection = Rc::new(Self {
            dead: Cell::new(worker.is_none()),
            worker,
            waiting: RefCell::new(Some(Vec::new())),
            listens: Cell::new(Some(listens)),
            asked: RefCell::default(),
            listeners: RefCell::default(),
        });
        if let Some(worker) = &connection.worker {
            let heard = Self::listener(&connection, |connection, event| {
                connection.hear(&event.unchecked_into::<MessageEvent>().data());
            });
            worker.set_onmessage(Some(heard.as_ref().unchecked_ref()));
            let failed = Self::listener(&connection, |connection, event| {
                // Else it would count as an error of this thread too.
                event.prevent_default();
                connection.die();
            });
            worker.set_onerror(Some(failed.as_ref().unchecked_ref()));
            connection.listeners.borrow_mut().extend([heard, failed]);
            // What cannot be sent is no module, and its program says so by an error.
            let _ = worker.post_message(&wasm_bindgen::module());
        } else {
            connection.die();
        }
        (connection, listening)
    }

    fn listener(connection: &Rc<Self>, called: impl Fn(&Self, Event) + 'static) -> Listener {
        let connection: Weak<Self> = Rc::downgrade(connection);
        Closure::new(move |event| {
            if let Some(connection) = connection.upgrade() {
                called(&connection, event);
            }
        })
    }

    fn ask(&self, message: Message) -> oneshot::Receiver<Message> {
        let (answered, answer) = oneshot::channel();
        if self.dead.get() {
            return answer;
        }
        self.asked.borrow_mut().push_back(answered);
        match &mut *self.waiting.borrow_mut() {
            Some(waiting) => waiting.push(message),
            None => self.send(&message),
        }
        answer
    }

    fn send(&self, message: &Message) {
        let (data, buffers) = encode(message);
        let sent = self
            .worker
            .as_ref()
            .map(|worker| worker.post_message_with_transfer(&data, &buffers));
        if !matches!(sent, Some(Ok(()))) {
            self.die();
        }
    }

    fn hear(&self, said: &JsValue) {
        if *said == LISTENING {
            let waiting = self.waiting.take();
            for message in waiting.into_iter().flatten() {
                self.send(&message);
            }
            self.tell_listens();
        } else if let Some(answer) = decode(said) {
            let asked = self.asked.borrow_mut().pop_front();
            // Nobody waits for the answer when its task was stopped.
            let _ = asked.map(|asked| asked.send(answer));
        } else {
            self.die();
        }
    }

    /// All who wait learn that there will be no answer.
    fn die(&self) {
        self.dead.set(true);
        self.asked.borrow_mut().clear();
        self.tell_listens();
    }

    fn tell_listens(&self) {
        // Only those who start threads wait for it.
        let _ = self.listens.take().map(|listens| listens.send(()));
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if let Some(worker) = &self.worker {
            // Messages that are under way would call closures that are gone.
            worker.set_onmessage(None);
            worker.set_onerror(None);
            worker.terminate();
        }
    }
}

/// Whether this is one of the threads, and no compute worker of its own.
pub fn is_thread() -> bool {
    worker_scope().name() == NAME
}

/// A thread's side: answers messages, one after another.
pub fn serve(mut server: PoolServer) {
    let scope = worker_scope();
    let post = move |data: &JsValue, buffers: &Array| {
        worker_scope()
            .post_message_with_transfer(data, buffers)
            .expect("the browser sends what messages are made of");
    };
    on_death(Rc::new(move |_| post(&DEAD, &Array::new())));
    let (sender, mut messages) = unbounded();
    let heard = Closure::<dyn Fn(MessageEvent)>::new(move |event: MessageEvent| {
        let message = decode(&event.data()).expect("both sides come from one build");
        // Received for as long as the thread lives.
        drop(sender.unbounded_send(message));
    });
    scope.set_onmessage(Some(heard.as_ref().unchecked_ref()));
    heard.forget();
    spawn_local(async move {
        while let Some(message) = messages.next().await {
            let (data, buffers) = encode(&server.answer(&message).await);
            post(&data, &buffers);
        }
    });
    post(&LISTENING, &Array::new());
}

/// A message as the browser sends it, and the buffers that change hands.
fn encode(message: &Message) -> (JsValue, Array) {
    let (data, buffers) = (Array::of1(&message.head.as_str().into()), Array::new());
    for part in &message.parts {
        let bytes = Uint8Array::from(part.as_slice());
        buffers.push(&bytes.buffer());
        data.push(&bytes);
    }
    (data.into(), buffers)
}

fn decode(data: &JsValue) -> Option<Message> {
    let data = data.dyn_ref::<Array>()?;
    let parts = data.iter().skip(1).map(|part| part.dyn_into::<Uint8Array>().ok());
    Some(Message {
        head: data.get(0).as_string()?,
        parts: parts
            .map(|part| part.map(|part| Arc::new(part.to_vec())))
            .collect::<Option<_>>()?,
    })
}
