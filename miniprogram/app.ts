import { speak, t } from "./lib/texts";

App({
  onLaunch() {
    speak(wx.getAppBaseInfo().language);
    [t("tab_home"), t("tab_seats"), t("tab_me")].forEach((text, index) => { wx.setTabBarItem({ index, text }); });
  },
});
