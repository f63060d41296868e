//! Grants whose directories meet.

use super::Folder;

#[test]
fn grants_whose_directories_meet_are_refused_unless_it_is_meant() {
    let two = |dir: &str, more: &str| {
        let bucket = "bucket = \"examplebucket\"\nregion = \"cn-hangzhou\"";
        let own = format!("[grants.own]\n{bucket}\ndir = \"uploads/avatars/${{caller.id}}/\"\n");
        format!("[sts]\nrole_arn = \"acs:ram::1:role/r\"\n{own}[grants.all]\n{bucket}\ndir = {dir:?}\n{more}\n")
    };
    let fault = |text: &str| Folder::with(text).load(&[]).err().map(|error| error.to_string()).unwrap_or_default();
    let told = fault(&two("uploads/", ""));
    for part in ["oss-vend.toml:10: grants.all.dir ", "grants.own", "overlaps = true in [grants.all]"] {
        assert!(told.contains(part), "{part} is not in {told}");
    }
    assert_eq!(fault(&two("uploads/", "overlaps = true")), "");
    assert_eq!(fault(&two("images/", "")), "");
    // Credentials with all rights of the role are held to no directory.
    let role = two("images/", "policy = \"role\"\nmethods = [\"sts\", \"put\"]");
    assert!(fault(&role).contains("grants.all.dir "), "{}", fault(&role));
    assert_eq!(fault(&role.replace("\"sts\", ", "")), "");
    let elsewhere = two("uploads/", "").replacen("bucket = \"examplebucket\"", "bucket = \"anotherbucket\"", 1);
    assert_eq!(fault(&elsewhere), "");
}
