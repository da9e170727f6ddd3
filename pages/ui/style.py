"""The few rules of our own for the pages' looks, in the theme's colours."""

from __future__ import annotations

import streamlit as st

from lexplain_core.figures import Theme


def style(look: Theme) -> None:
    """Put the rules into the page."""
    st.html(
        f"""<style>
        [data-testid="stMainBlockContainer"] {{ padding: 1.1rem 3rem 3rem; max-width: 1500px; }}
        [data-testid="stHeader"] {{ background: transparent; height: 2.4rem; pointer-events: none; }}
        [data-testid="stHeader"] button {{ pointer-events: auto; }}
        .st-key-lx_header {{ border-bottom: 1px solid {look.grid}; padding-bottom: .5rem; margin-right: 2.2rem; }}
        .st-key-lx_header {{ gap: .4rem; }}
        .st-key-lx_starting [data-testid="stPageLink-NavLink"] {{ padding-left: 0; }}
        .st-key-lx_starting :is(button, [data-testid="stCaptionContainer"]) {{ min-height: 0; padding-block: 0; }}
        [class*="st-key-lx_switches"] [role="radiogroup"] button {{ min-height: 2.5rem; }}
        .st-key-lx_steps {{ margin-bottom: .5rem; }}
        .lx-brand {{ font-size: 1.25rem; font-weight: 700; letter-spacing: -.01em; margin-right: .6rem; }}
        .lx-line {{ font-size: 1.5rem; line-height: 1.65; margin: 0 0 .5rem; }}
        .lx-line .t {{ border-bottom: .24em solid var(--c); padding-bottom: .02em; white-space: nowrap; }}
        .lx-muted {{ color: {look.muted}; }}
        .lx-facts {{ margin: .3rem 0 0; }}
        .lx-row {{ display: grid; grid-template-columns: 9.5rem 1fr; gap: .2rem 1rem; padding: .55rem 0;
                   border-top: 1px solid {look.grid}; align-items: start; }}
        .lx-row h4 {{ font-size: .95rem; margin: 0; padding: 0; font-variant-numeric: tabular-nums; }}
        .lx-row p {{ margin: .1rem 0 0; font-size: .88rem; color: {look.muted}; }}
        .lx-shots {{ display: flex; flex-wrap: wrap; gap: .5rem .7rem; }}
        .lx-shots figure {{ margin: 0; width: var(--w); }}
        .lx-shots img {{ width: var(--w); height: var(--w); object-fit: contain; display: block; border-radius: 4px;
                         background: {look.grid}; }}
        .lx-shots img.px {{ image-rendering: pixelated; }}
        .lx-shots figcaption {{ font-size: .8rem; line-height: 1.25; margin-top: .2rem; overflow: hidden;
                               text-overflow: ellipsis; white-space: nowrap; }}
        .lx-shots figcaption b {{ font-variant-numeric: tabular-nums; font-weight: 600; }}
        .lx-doubt {{ font-weight: 600; white-space: nowrap; }}
        .lx-compare {{ width: 100%; border-collapse: collapse; font-size: .92rem; line-height: 1.35; margin: .2rem 0 0; }}
        .lx-compare :is(th, td) {{ text-align: left; vertical-align: top; padding: .3rem .8rem .3rem .5rem;
                                   border: 0; border-top: 1px solid {look.grid}; font-variant-numeric: tabular-nums; }}
        .lx-compare thead th {{ border-top: 0; font-weight: 400; color: {look.muted}; font-size: .85rem;
                                vertical-align: bottom; }}
        .lx-compare tbody th {{ white-space: nowrap; font-weight: 600; border-left: 3px solid transparent; }}
        .lx-compare .now th {{ border-left-color: {look.accent}; }}
        .lx-compare .lx-muted {{ font-weight: 400; font-size: .85rem; }}
        .lx-one {{ white-space: nowrap; }}
        .lx-table {{ overflow-x: auto; }}
        @media (max-width: 640px) {{
            [data-testid="stMainBlockContainer"] {{ padding-inline: 1rem; }}
            [class*="st-key-area"] {{ overflow-x: auto; }}  /* a number stands above each of the 8 ranges */
            [class*="st-key-area"] > [data-testid="stFullScreenFrame"] {{ min-width: 34rem; }}
        }}
        kbd {{ border: 1px solid {look.grid}; border-radius: 3px; padding: 0 .3em; font-size: .85em; }}
        </style>"""
    )
