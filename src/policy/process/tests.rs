//! Processing texts, honest and hostile.

use base64::prelude::{BASE64_URL_SAFE, BASE64_URL_SAFE_NO_PAD, Engine};
use proptest::prelude::*;

use super::*;

const NONE: [&str; 0] = [];

fn default() -> Processing {
    Processing::default()
}

#[test]
fn the_default_list_is_what_can_be_listed_without_video() {
    assert_eq!(Processing::new(&DEFAULT_OPERATIONS), Ok(default()));
}

#[test]
fn documented_operations_are_allowed_by_default() {
    let text = BASE64_URL_SAFE.encode("你好 OSS?>/");
    let font = BASE64_URL_SAFE.encode("wqy-zenhei");
    let watermark =
        format!("image/watermark,text_{text},type_{font},color_FFFFFF,size_30,g_se,x_10,y_10,t_90,shadow_50");
    for process in [
        "image/resize,m_fixed,h_100,w_100",
        "image/resize,p_50",
        "image/resize,m_pad,w_16384,h_1,limit_0,color_FF00aa",
        "image/crop,x_10,y_0,w_200,h_200,g_nw",
        "image/circle,r_100",
        "image/rounded-corners,r_30/format,png",
        "image/indexcrop,x_100,i_0",
        "image/rotate,90",
        "image/auto-orient,1",
        "image/format,webp",
        "image/quality,q_90",
        "image/quality,Q_90",
        "image/interlace,1/format,jpg",
        "image/bright,-50/contrast,50/sharpen,100/blur,r_3,s_2",
        "image/info",
        "image/average-hue",
        "image/resize,w_200/rotate,90|image/info",
        watermark.as_str(),
        watermark.trim_end_matches('=').replace('=', "").as_str(),
    ] {
        assert_eq!(default().check(process).map(Process::as_str), Ok(process));
    }
}

#[test]
fn no_operation_that_reads_or_writes_another_object_passes() {
    let object = BASE64_URL_SAFE_NO_PAD.encode("private/another.png");
    let text = BASE64_URL_SAFE_NO_PAD.encode("text");
    let image = format!("image_{object}");
    let hostile = [
        "hls/sign".to_owned(),
        "hls/sign,live_1".to_owned(),
        "image/hls/sign".to_owned(),
        "image/resize,w_1/hls/sign".to_owned(),
        "image/resize,w_1|hls/sign".to_owned(),
        "hls/sign|image/info".to_owned(),
        format!("image/watermark,{image}"),
        format!("image/watermark,{image},text_{text}"),
        format!("image/watermark,text_{text},{image}"),
        format!("image/watermark,text_{text},IMAGE_{object}"),
        format!("image/watermark,text_{text},Image_{object}"),
        format!("image/watermark,IMAGE_{object}"),
        format!("image/watermark,text_{text}/watermark,{image}"),
        format!("image/watermark,text_{text}|image/watermark,{image}"),
        format!("image/resize,w_1/watermark,{image}"),
        format!("image/watermark,text_{text}, {image}"),
        format!("image/watermark,text_{text};{image}"),
        format!("image/watermark,text_{text}&{image}"),
        format!("image/watermark,text_{text}%2C{image}"),
        format!("image/watermark,text_{text}，{image}"),
        format!("image/watermark,text_{text}\u{ff0c}{image}"),
        format!("image/watermark,text_{text},order_0,align_0,interval_0"),
        format!("image/watermark,text_{text},P_10"),
        format!("image/watermark,logo_{object}"),
        format!("image/blindwatermark,{image}"),
        format!("image/blindwatermark,content_{text}"),
        format!("image/deblindwatermark,{image}"),
        format!("image/info|sys/saveas,o_{object},b_{text}"),
        format!("image/info/saveas,o_{object}"),
        format!("sys/saveas,o_{object}"),
        "imm/detectface".to_owned(),
        "image/detect,category_face".to_owned(),
        "image/segment".to_owned(),
        "doc/preview,export_1".to_owned(),
        "doc/edit".to_owned(),
        "video/snapshot,t_0".to_owned(),
        "video/convert,f_mp4".to_owned(),
        "video/concat,ss_0".to_owned(),
        "audio/concat,f_mp3".to_owned(),
        "style/thumbnail".to_owned(),
        "image/style/thumbnail".to_owned(),
        "csv/select".to_owned(),
        "csv/meta".to_owned(),
        "async/x".to_owned(),
    ];
    for process in hostile {
        assert!(default().check(&process).is_err(), "{process}");
    }
}

#[test]
fn odd_spellings_are_refused() {
    for process in [
        "",
        "/",
        "|",
        "image",
        "image/",
        "image//",
        "image/,",
        "image//info",
        "/image/info",
        "image/info/",
        "image/info|",
        "|image/info",
        "image/info||image/info",
        "image/image/info",
        "IMAGE/info",
        "Image/info",
        "image/Info",
        "image/RESIZE,w_1",
        " image/info",
        "image/info ",
        "image /info",
        "image/ info",
        "image\\info",
        "image%2Finfo",
        "image∕info",
        "ｉmage/info",
        "imаge/info",
        "image/info\n",
        "image/info\u{0}",
        "image/info;image/info",
        "image/info?x-oss-process=hls/sign",
        "image/info&x-oss-process=hls/sign",
        "image/info#",
        "image/info,",
        "image/info,x_1",
        "image/resize,w",
        "image/resize,w_",
        "image/resize,_1",
        "image/resize,w_1,",
        "image/resize,,w_1",
        "image/resize,w_1,w_2",
        "image/resize,w_0",
        "image/resize,w_16385",
        "image/resize,w_-1",
        "image/resize,w_+1",
        "image/resize,w_01",
        "image/resize,w_1.0",
        "image/resize,w_1e2",
        "image/resize,w_１",
        "image/resize,w_99999999999999999999",
        "image/resize,w_1_2",
        "image/resize,m_LFIT",
        "image/resize,color_red",
        "image/resize,color_#ff0000",
        "image/resize,x_1",
        "image/rotate",
        "image/rotate,",
        "image/rotate,90,90",
        "image/rotate,361",
        "image/rotate,-0",
        "image/format,svg",
        "image/format,html",
        "image/format,src",
        "image/quality,q_101",
        "image/circle",
        "image/watermark",
        "image/watermark,text_",
        "image/watermark,text_*",
        "image/watermark,text_a/b",
        "image/watermark,text_a+b",
        "image/watermark,text_YQ=,text_YQ==",
        "image/watermark,g_se",
        "image/watermark,text_gICA",
        "image/watermark,text_AA",
        "image/watermark,text_YQ,type_Li4vLi4v",
        "image/watermark,text_YQ,type_",
    ] {
        assert!(default().check(process).is_err(), "{process:?}");
    }
    assert_eq!(default().check(&format!("image/info|{}", "x".repeat(1024))), Err(InvalidProcess::Length));
}

#[test]
fn styles_and_snapshots_need_to_be_listed() {
    let listed = Processing::new(&["style/thumb-1", "video/snapshot"]).unwrap();
    for process in
        ["style/thumb-1", "video/snapshot,t_7000,f_jpg,w_800,h_600,m_fast,ar_auto", "style/thumb-1|style/thumb-1"]
    {
        assert_eq!(listed.check(process).map(Process::as_str), Ok(process));
    }
    for process in [
        "style/thumb-2",
        "style/Thumb-1",
        "style/thumb-1/hls/sign",
        "style/thumb-1,x_1",
        "style/thumb-1/",
        "style/",
        "style",
        "STYLE/thumb-1",
        "image/info",
        "video/snapshot",
        "video/snapshot,t_1,x_1",
        "video/snapshot,t_1/convert",
        "video/snapshot,t_1|hls/sign",
        "video/thumb-1",
    ] {
        assert!(listed.check(process).is_err(), "{process}");
    }
    assert!(Processing::new(&NONE).unwrap().check("image/info").is_err());
}

#[test]
fn an_entry_that_would_allow_more_cannot_be_configured() {
    for entry in [
        "",
        "*",
        "image",
        "image/",
        "image/*",
        "resize",
        "hls/sign",
        "image/blindwatermark",
        "sys/saveas",
        "imm/x",
        "image/watermark,image_x",
        "Image/resize",
        "style/",
        "style/*",
        "style/a/b",
        "style/a|b",
        "style/a,b",
        "video/*",
        "video/convert",
        "image/resize ",
    ] {
        let refused = Processing::new(&["image/info", entry]).unwrap_err();
        assert_eq!(refused.0, 1, "{entry}");
        assert!(refused.1.to_string().contains(&format!("{entry:?}")), "{entry}");
    }
}

proptest! {
    /// What passes is made of nothing but listed operations: taken apart and put together again it is the same text.
    #[test]
    fn what_passes_consists_of_allowed_operations_alone(
        text in "((image|video|style|hls|sys|IMAGE)?[/|,]{0,2}(resize|watermark|info|sign|saveas|snapshot)?[,/|]{0,2}(w_[0-9]{1,3}|text_[A-Za-z0-9_-]{2,8}|image_[a-z]{4}|t_1)?){1,4}",
    ) {
        if default().check(&text).is_ok() {
            for chain in text.split('|') {
                let (family, operations) = chain.split_once('/').unwrap();
                for operation in operations.split('/') {
                    let name = operation.split(',').next().unwrap();
                    let full = format!("{family}/{name}");
                    prop_assert!(DEFAULT_OPERATIONS.contains(&full.as_str()), "{text}");
                }
            }
            prop_assert!(!text.contains(",image_"), "{text}");
        }
    }

    #[test]
    fn no_text_panics(text in ".{0,200}") {
        let _ = default().check(&text);
    }
}
