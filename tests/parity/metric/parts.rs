//! Shards of an evaluation, and tables.

use super::*;

/// An evaluation of one case with the given Dice by label.
fn part(case: &str, dice: &[(u16, f64)], protocol: Protocol) -> Evaluation {
    let score = |&(label, dice): &(u16, f64)| LabelScore {
        label,
        dice: Some(dice),
        hd95_mm: Some(2.0),
        hd95_voxels: Some(1.0),
        ml_predicted: 1.5,
        ml_true: 1.0,
        surface_dice: Some(0.5),
        iou: Some(dice / 2.0),
        precision: Some(0.75),
        recall: Some(1.0),
    };
    let names = [(1, "liver, left".to_owned())].into();
    let ids = dice.iter().map(|&(label, _)| label);
    let labels = LabelSet::from_ids(ids, &names).expect("labels");
    let case = CaseScore {
        case: case.to_owned(),
        labels: dice.iter().map(score).collect(),
    };
    Evaluation::new(vec![case], &labels, protocol)
}

#[test]
fn parts_make_the_whole() {
    let zero = Protocol {
        empty: EmptyPolicy::Zero,
        ..Protocol::default()
    };
    let b = part("b", &[(1, 0.5)], zero);
    let a = part("a", &[(1, 0.9), (2, 0.7)], zero);
    let whole = Evaluation::merge(vec![b.clone(), a.clone()]).expect("two parts");
    let names: Vec<&str> = whole.cases.iter().map(|case| case.case.as_str()).collect();
    assert_eq!(names, ["a", "b"]);
    // Label 2 is in neither map of case b, which counts 0 here.
    let two = &whole.labels[1];
    assert_eq!(two.means.dice.expect("two cases").mean, 0.35);
    assert_eq!(whole.cases[1].labels[1].dice, None);

    let twice = Evaluation::merge(vec![a.clone(), a.clone()]).expect_err("one case twice");
    assert_eq!(twice, EvaluationError::Twice("a".to_owned()));
    let other = part("c", &[(1, 0.5)], Protocol::default());
    let mixed = Evaluation::merge(vec![a, other]).expect_err("two protocols");
    assert_eq!(
        mixed.to_string(),
        "the parts were measured differently (HD95 pooled, surface Dice within 2 mm, empty masks zero; and HD95 \
         pooled, surface Dice within 2 mm, empty masks nan); evaluate them with the same options"
    );
    assert!(Evaluation::merge(Vec::new()).expect("nothing").cases.is_empty());
}

#[test]
fn tables() {
    let protocol = Protocol::default();
    let parts = vec![
        part("a", &[(1, 0.5), (2, 0.25)], protocol),
        part("b", &[(1, 0.75)], protocol),
    ];
    let evaluation = Evaluation::merge(parts).expect("two parts");
    assert_eq!(
        evaluation.to_csv(None),
        "case,label,name,dice,hd95_mm,hd95_voxels,ml_predicted,ml_true,surface_dice_2mm,iou,precision,recall\n\
         a,1,\"liver, left\",0.5,2,1,1.5,1,0.5,0.25,0.75,1\n\
         a,2,label 2,0.25,2,1,1.5,1,0.5,0.125,0.75,1\n\
         b,1,\"liver, left\",0.75,2,1,1.5,1,0.5,0.375,0.75,1\n\
         b,2,label 2,,,,0,0,,,,\n"
    );
    assert!(
        evaluation
            .to_csv(Some(Unit::Voxels))
            .starts_with("case,label,name,dice,hd95_voxels,ml")
    );
    assert_eq!(
        evaluation.to_markdown(Some(Unit::Mm)),
        "| 2 cases | Dice | HD95 mm | Surface Dice (2 mm) | IoU | Precision | Recall | missed |\n\
         |---|---:|---:|---:|---:|---:|---:|---:|\n\
         | liver, left | 0.6250 ± 0.1768 | 2.00 ± 0.00 | 0.5000 ± 0.0000 | 0.312 ± 0.088 | 0.750 ± 0.000 \
         | 1.000 ± 0.000 | 0 |\n\
         | label 2 | 0.2500 | 2.00 | 0.5000 | 0.125 | 0.750 | 1.000 | 0 |\n\
         | mean | 0.4375 ± 0.2652 | 2.00 ± 0.00 | 0.5000 ± 0.0000 | 0.219 ± 0.133 | 0.750 ± 0.000 \
         | 1.000 ± 0.000 | 0 |\n\n\
         Mean ± standard deviation over cases; HD95 pooled, surface Dice within 2 mm, empty masks nan; missed: one map \
         has the label, the other lacks it.\n"
    );
    assert_eq!(
        evaluation.to_lines(Some(Unit::Voxels))[1],
        "liver, left  0.6250 ± 0.1768  1.00 ± 0.00       0"
    );
    assert_eq!(
        evaluation.to_lines(None)[4..6],
        [
            "2 cases      Surface Dice (2 mm)            IoU      Precision         Recall",
            "liver, left      0.5000 ± 0.0000  0.312 ± 0.088  0.750 ± 0.000  1.000 ± 0.000"
        ]
    );
}

/// A document of a version that measured Dice and HD95 alone, with a case where both maps lack the label.
#[test]
fn earlier_documents_are_read_and_merged() {
    let earlier = r#"{"protocol": {"hd95": "pooled", "empty": "zero"},
        "cases": [{"case": "a", "labels": [{"label": 1, "dice": 0.5, "hd95_mm": 2.0, "hd95_voxels": 1.0,
            "ml_predicted": 1.5, "ml_true": 1.0}]},
            {"case": "b", "labels": [{"label": 1, "dice": null, "hd95_mm": null, "hd95_voxels": null,
            "ml_predicted": 0.0, "ml_true": 0.0}]}],
        "labels": [{"label": 1, "name": "liver", "dice": {"mean": 0.25, "sd": 0.5, "count": 2},
            "hd95_mm": null, "hd95_voxels": null, "missed": 0}],
        "mean": {"dice": {"mean": 0.25, "sd": 0.5, "count": 2}, "hd95_mm": null, "hd95_voxels": null}}"#;
    let earlier: Evaluation = serde_json::from_str(earlier).expect("read");
    assert_eq!(earlier.protocol.tolerance_mm, 2.0);
    assert_eq!(
        (earlier.mean.iou, earlier.cases[0].labels[0].surface_dice),
        (None, None)
    );
    assert!(earlier.to_csv(None).contains("\na,1,liver,0.5,2,1,1.5,1,,,,\n"));

    // What it lacks is in no mean, whatever empty masks count as; the rest is.
    let whole = Evaluation::merge(vec![earlier, {
        let mut new = part(
            "c",
            &[(1, 1.0)],
            Protocol {
                empty: EmptyPolicy::Zero,
                ..Protocol::default()
            },
        );
        new.labels[0].name = "liver".to_owned();
        new
    }]);
    let whole = whole.expect("measured alike");
    assert_eq!(whole.mean.dice.map(|dice| (dice.mean, dice.count)), Some((0.5, 3)));
    assert_eq!(whole.labels[0].means.surface_dice, None);
    assert_eq!((whole.mean.surface_dice, whole.mean.recall), (None, None));
}
