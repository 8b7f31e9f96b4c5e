use super::{Node, parse};

#[test]
fn a_dictionary_of_numbers() {
    // pickle.dumps({"a": 1, "b": (2.5, True, None, -300)}, protocol=2)
    let bytes =
        b"\x80\x02}q\x00(X\x01\x00\x00\x00aq\x01K\x01X\x01\x00\x00\x00bq\x02(G@\x04\x00\x00\x00\x00\x00\x00\x88N\
        J\xd4\xfe\xff\xfftq\x03u.";
    let pickle = parse(bytes).expect("a pickle");
    assert_eq!(pickle.length, bytes.len());
    let entries = pickle.entries(pickle.root());
    let get = |key| {
        let entry = entries.iter().find(|&&(k, _)| pickle.text(k) == Some(key));
        entry.expect("the key").1
    };
    assert_eq!(pickle.int(get("a")), Some(1));
    let items = pickle.sequence(get("b")).expect("a tuple");
    assert_eq!(pickle.node(items[0]), &Node::Float(2.5));
    assert_eq!(pickle.node(items[1]), &Node::Bool(true));
    assert_eq!(pickle.int(items[3]), Some(-300));
}

#[test]
fn a_call_of_the_shell_is_refused_by_name() {
    // The result of pickle.dumps for an object whose __reduce__ is (os.system, ("true",)).
    let bytes = b"\x80\x02cposix\nsystem\nq\x00X\x04\x00\x00\x00trueq\x01\x85q\x02Rq\x03.";
    let refused = parse(bytes).expect_err("it is refused");
    assert!(refused.contains("posix.system"), "{refused}");
    // A class of Python's library that starts programs.
    let class = b"\x80\x02csubprocess\nPopen\nq\x00X\x04\x00\x00\x00trueq\x01\x85q\x02Rq\x03.";
    assert!(parse(class).is_err());
    let hidden = b"\x80\x04\x8c\x08builtins\x8c\x04eval\x93\x8c\x011\x85R.";
    assert!(parse(hidden).is_err());
}

#[test]
fn damage_of_any_kind_is_an_error() {
    let bytes = b"\x80\x02}q\x00(X\x01\x00\x00\x00aq\x01K\x01u.";
    assert!(parse(bytes).is_ok());
    for end in 0..bytes.len() {
        assert!(parse(&bytes[..end]).is_err(), "cut at {end}");
    }
    for hostile in [
        &b"."[..],
        b"u.",
        b"\x85.",
        b"(.",
        b"h\x07.",
        b"X\xff\xff\xff\xff.",
        b"\x8d\xff\xff\xff\xff\xff\xff\xff\xffx.",
        b"NNR",
        b"]]s.",
        b"\xff",
    ] {
        assert!(parse(hostile).is_err(), "{hostile:?}");
    }
}

#[test]
fn deep_nesting_does_not_overflow() {
    let mut bytes = vec![b']'];
    bytes.extend(std::iter::repeat_n(0x85, 1_000_000));
    bytes.push(b'.');
    assert!(parse(&bytes).is_ok());
}

#[test]
fn objects_of_frameworks_are_passed_over() {
    // pickle.dumps of an object of the class yacs.config.CfgNode with the attribute a = 1, protocol 2.
    let bytes = b"\x80\x02cyacs.config\nCfgNode\nq\x00)\x81q\x01}q\x02X\x01\x00\x00\x00aq\x03K\x01sb.";
    let pickle = parse(bytes).expect("a pickle");
    let state = pickle.state(pickle.root()).expect("attributes");
    assert_eq!(pickle.entries(state).len(), 1);
    // A function of the same module is a different matter.
    let function = b"\x80\x02cyacs.config\nload\nq\x00)Rq\x01.";
    assert!(parse(function).is_err());
}
