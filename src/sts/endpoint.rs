//! Where STS is.

/// Regions without an STS address of their own, or retired; the SDKs send them to the central one, from a VPC too.
/// From the endpoint table of the official `sts-20150401` clients.
const CENTRAL: [&str; 32] = [
    "ap-northeast-2-pop",
    "ap-south-1",
    "ap-southeast-2",
    "cn-beijing-finance-pop",
    "cn-beijing-gov-1",
    "cn-beijing-nu16-b01",
    "cn-edge-1",
    "cn-fujian",
    "cn-haidian-cm12-c01",
    "cn-hangzhou-bj-b01",
    "cn-hangzhou-internal-prod-1",
    "cn-hangzhou-internal-test-1",
    "cn-hangzhou-internal-test-2",
    "cn-hangzhou-internal-test-3",
    "cn-hangzhou-test-306",
    "cn-hongkong-finance-pop",
    "cn-huhehaote-nebula-1",
    "cn-shanghai-et15-b01",
    "cn-shanghai-et2-b01",
    "cn-shanghai-inner",
    "cn-shanghai-internal-test-1",
    "cn-shenzhen-inner",
    "cn-shenzhen-st4-d01",
    "cn-shenzhen-su18-b01",
    "cn-wuhan",
    "cn-yushanfang",
    "cn-zhangbei",
    "cn-zhangbei-na61-b01",
    "cn-zhangjiakou-na62-a01",
    "cn-zhengzhou-nebula-1",
    "eu-west-1-oxs",
    "rus-west-1-pop",
];

/// The HTTPS address of STS for `region`, such as `cn-hangzhou`; with `vpc`, the one that is reached from inside a VPC.
#[must_use]
pub fn endpoint(region: &str, vpc: bool) -> String {
    if CENTRAL.contains(&region) {
        return "https://sts.aliyuncs.com".into();
    }
    let service = if vpc { "sts-vpc" } else { "sts" };
    format!("https://{service}.{region}.aliyuncs.com")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_region_has_its_address() {
        for (region, vpc, expected) in [
            ("cn-hangzhou", false, "https://sts.cn-hangzhou.aliyuncs.com"),
            ("cn-hangzhou", true, "https://sts-vpc.cn-hangzhou.aliyuncs.com"),
            ("ap-southeast-1", false, "https://sts.ap-southeast-1.aliyuncs.com"),
            ("me-central-1", true, "https://sts-vpc.me-central-1.aliyuncs.com"),
            ("ap-south-1", false, "https://sts.aliyuncs.com"),
            ("ap-southeast-2", true, "https://sts.aliyuncs.com"),
            ("cn-shanghai-et2-b01", false, "https://sts.aliyuncs.com"),
        ] {
            assert_eq!(endpoint(region, vpc), expected, "{region}, vpc {vpc}");
        }
    }
}
