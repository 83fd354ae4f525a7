// The tabs' names follow the language; WeChat takes them only while a tab's page is shown.

import { t } from "./texts";

export function nameTabs(): void {
  [t("tab_home"), t("tab_seats"), t("tab_me")].forEach((text, index) => { wx.setTabBarItem({ index, text, fail: () => undefined }); });
}
