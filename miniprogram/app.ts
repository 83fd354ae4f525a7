import { speak } from "./lib/texts";
import { offerUpdates } from "./lib/update";

App({
  onLaunch() {
    speak(wx.getAppBaseInfo().language);
    offerUpdates();
  },
  /** An old link, a page that is no more: the first one instead of WeChat's own. */
  onPageNotFound() {
    wx.reLaunch({ url: "/pages/index/index" });
  },
});
