//! The line between page and worker: messages as JavaScript values of the browser's structured clone, so that
//! handles of files stay handles.

use std::cell::RefCell;
use std::rc::Rc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Event, MessageEvent, Worker, WorkerOptions, WorkerType};

use crate::message::{Report, Request, WorkerReport};
use crate::platform::worker_scope;

/// The page's end. Dropping it ends the worker.
pub struct Bridge {
    worker: Worker,
    /// Requests that wait until the worker listens; nothing once it does.
    waiting: Rc<RefCell<Option<Vec<JsValue>>>>,
    /// Called by the browser for as long as the worker lives.
    _on_message: Closure<dyn Fn(MessageEvent)>,
    _on_error: Closure<dyn Fn(Event)>,
}

impl Bridge {
    /// Starts the worker whose module lies at this address; `receive` is called with everything that it reports,
    /// and with its death where it could not even be loaded.
    ///
    /// # Errors
    /// When the browser refuses the address.
    pub fn spawn(address: &str, receive: impl Fn(Report) + 'static) -> Result<Self, JsValue> {
        let options = WorkerOptions::new();
        options.set_type(WorkerType::Module);
        let worker = Worker::new_with_options(address, &options)?;
        let waiting = Rc::new(RefCell::new(Some(Vec::new())));
        let receive = Rc::new(receive);
        let on_message = {
            let (worker, waiting, receive) = (worker.clone(), waiting.clone(), receive.clone());
            Closure::<dyn Fn(MessageEvent)>::new(move |event: MessageEvent| {
                if !event.data().is_null() {
                    return receive(decode(event.data()));
                }
                // It listens.
                for request in waiting.take().into_iter().flatten() {
                    post_to(&worker, &request);
                }
            })
        };
        let on_error = {
            let waiting = waiting.clone();
            Closure::<dyn Fn(Event)>::new(move |_| {
                // One that listens says itself what happened.
                if waiting.borrow().is_some() {
                    let reason = "its program could not be loaded".to_owned();
                    receive(WorkerReport::Died(reason).into());
                }
            })
        };
        worker.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        worker.set_onerror(Some(on_error.as_ref().unchecked_ref()));
        Ok(Self {
            worker,
            waiting,
            _on_message: on_message,
            _on_error: on_error,
        })
    }

    /// Sends a request, once the worker listens.
    pub fn send(&self, request: &Request) {
        let request = encode(request);
        match &mut *self.waiting.borrow_mut() {
            Some(waiting) => waiting.push(request),
            None => post_to(&self.worker, &request),
        }
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        // Messages that are under way would call closures that are gone.
        self.worker.set_onmessage(None);
        self.worker.set_onerror(None);
        self.worker.terminate();
    }
}

/// The worker's end: calls `receive` with every request of the page, from the first one on.
pub fn listen(receive: impl Fn(Request) + 'static) {
    let on_message = Closure::<dyn Fn(MessageEvent)>::new(move |event: MessageEvent| {
        receive(decode(event.data()));
    });
    let scope = worker_scope();
    scope.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
    // It is called for as long as the worker lives.
    on_message.forget();
    // No report is null: this says that the worker listens.
    scope.post_message(&JsValue::NULL).expect("null is cloned");
}

/// Sends a report from the worker to the page.
pub fn post(report: &Report) {
    let sent = worker_scope().post_message(&encode(report));
    sent.expect("the browser clones what messages are made of");
}

fn post_to(worker: &Worker, request: &JsValue) {
    let sent = worker.post_message(request);
    sent.expect("the browser clones what messages are made of");
}

fn encode(message: &impl Serialize) -> JsValue {
    // Messages are plain structs of numbers, strings and handles, which always encode.
    serde_wasm_bindgen::to_value(message).expect("a message is a plain value")
}

fn decode<M: DeserializeOwned>(value: JsValue) -> M {
    // Page and worker are built together, so both sides know the same messages.
    serde_wasm_bindgen::from_value(value).expect("page and worker come from one build")
}
