"""WeChat in the service's own words. The only user of wechatpy."""
