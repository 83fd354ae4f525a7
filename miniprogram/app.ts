import { speak } from "./lib/texts";

App({
  onLaunch() {
    speak(wx.getAppBaseInfo().language);
  },
});
