"""The dashboard: `streamlit run app.py`, or `streamlit run app.py -- --store FILE` (see pages/main.py).

This file adds what every answer of the server carries; Streamlit runs `pages/main.py` for each visitor.
"""

from __future__ import annotations

import os

import streamlit as st
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Headers:
    """Sends headers that keep the pages out of other sites' frames, and files from being taken for scripts.

    `LEXPLAIN_FRAME_ANCESTORS` names sites that may show them in a frame, such as a panel that shows a study.
    """

    def __init__(self, app: ASGIApp):
        self.app = app
        ancestors = os.environ.get("LEXPLAIN_FRAME_ANCESTORS", "").strip() or "'none'"
        if any(character in ancestors for character in ";,\r\n"):
            raise SystemExit(
                "LEXPLAIN_FRAME_ANCESTORS takes addresses with blanks between them, such as https://panel.example."
            )
        self.headers = {
            "Content-Security-Policy": f"frame-ancestors {ancestors}",
            "X-Content-Type-Options": "nosniff",
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(self.headers)
            await send(message)

        await self.app(scope, receive, sending if scope["type"] == "http" else send)


app = st.App("pages/main.py", middleware=[Middleware(Headers)])
