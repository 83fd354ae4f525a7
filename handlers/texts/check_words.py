"""Check words beside a pairing code: equal words on the screen and in the console show the staff
that they pair the right screen."""

from __future__ import annotations

from typing import Final

_WORDS: Final = """
白鹭 松鼠 海豚 企鹅 蜻蜓 孔雀 骆驼 刺猬 蝴蝶 鲸鱼 斑马 乌龟 喜鹊 羚羊 熊猫 猎豹
荷花 牡丹 银杏 竹林 柳树 梅花 葡萄 石榴 草莓 南瓜 胡桃 玉米 菠萝 红枣 柠檬 西瓜
雪山 沙漠 瀑布 彩虹 闪电 云海 月亮 流星 湖泊 草原 火山 珊瑚 溪流 晨雾 岛屿 峡谷
灯塔 风筝 帆船 古琴 毛笔 砚台 雨伞 钟楼 石桥 马车 纸鹤 算盘 罗盘 水车 灯笼 陶罐
"""
CHECK_WORD_TEXT: Final = tuple(_WORDS.split())
