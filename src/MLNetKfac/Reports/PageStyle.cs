namespace MLNetKfac.Reports;

/// <summary>The style sheet of a report: light and dark, wide and narrow, screen and paper.</summary>
internal static class PageStyle
{
    public const string Css = """
        :root { color-scheme: light dark; --paper: #fbfbfa; --card: #ffffff; --ink: #1b2026; --faint: #57606a; --line: #dcdfe3;
          --blue: #0b62bd; --orange: #b8400b; --violet: #6527c9; }
        @media (prefers-color-scheme: dark) { :root { --paper: #121518; --card: #1a1e23; --ink: #e9ecef; --faint: #a5aeb8; --line: #343b43;
          --blue: #6cb4ff; --orange: #ff9d66; --violet: #bd9bff; } }
        * { box-sizing: border-box; }
        body { background: var(--paper); color: var(--ink); font: 16px/1.55 system-ui, sans-serif; margin: 0 auto; max-width: 1120px; padding: 1.5rem 1.25rem 3rem; }
        h1 { font-size: 1.8rem; line-height: 1.2; margin: 0 0 .3rem; } h2 { font-size: 1.3rem; margin: 0 0 .6rem; } p { margin: .4rem 0 .8rem; max-width: 46rem; }
        header p, .note, footer { color: var(--faint); } h1, p, dd, dt, li { overflow-wrap: anywhere; } th { overflow-wrap: break-word; } tbody th { max-width: 18rem; } td { white-space: nowrap; }
        section { border-top: 1px solid var(--line); margin-top: 2.2rem; padding-top: 1.6rem; }
        a { color: var(--blue); } nav ul { display: flex; flex-wrap: wrap; gap: .3rem 1.2rem; list-style: none; margin: 1rem 0 0; padding: 0; } nav a { display: inline-block; padding: .3rem 0; }
        :focus-visible { outline: 3px solid var(--blue); outline-offset: 2px; }
        .tiles { display: grid; gap: .8rem; grid-template-columns: repeat(auto-fit, minmax(148px, 1fr)); margin: 1.4rem 0 0; }
        .tiles div { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: .7rem .9rem; }
        .tiles dt, .tiles .note { color: var(--faint); font-size: .86rem; } .tiles dd { font-size: 1.5rem; font-weight: 650; line-height: 1.25; margin: 0; } .tiles .note { display: block; font-weight: 400; line-height: 1.4; }
        figure { margin: 0; min-width: 0; } figcaption { font-weight: 600; margin: .4rem 0; } .single { max-width: 560px; }
        .charts { display: grid; gap: 1rem 2.2rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 400px), 1fr)); }
        svg { display: block; height: auto; width: 100%; } svg.map { width: auto; max-width: none; } svg.filters { max-width: 460px; margin: .3rem 0 1rem; }
        text { fill: var(--ink); font: 12.5px system-ui, sans-serif; } .tick { fill: var(--faint); font-size: 12px; } .map .tick { font-size: 11px; }
        .grid { stroke: var(--line); } .curve { fill: none; stroke-linejoin: round; stroke-width: 2.2; }
        .curve.c0 { stroke: var(--blue); } .curve.c1 { stroke: var(--orange); stroke-dasharray: 7 4; } .mark.c0 { fill: var(--blue); } .mark.c1 { fill: var(--orange); }
        .legend { display: flex; flex-wrap: wrap; gap: .2rem 1.5rem; } .legend span { align-items: center; display: inline-flex; font-weight: 600; gap: .5rem; } .key { width: 40px; }
        rect.right, .plus { fill: var(--blue); } rect.wrong, .minus { fill: var(--orange); } .fisher { fill: var(--violet); }
        .scroll { max-width: 100%; overflow-x: auto; padding: 2px 0 .5rem; } .hidden { clip-path: inset(50%); height: 1px; overflow: hidden; position: absolute; white-space: nowrap; width: 1px; }
        table { border-collapse: collapse; font-variant-numeric: tabular-nums; } th, td { border-bottom: 1px solid var(--line); padding: .35rem .7rem; text-align: right; }
        thead th { color: var(--faint); font-weight: 600; vertical-align: bottom; } tbody th, tfoot th, thead th:first-child { font-weight: 500; padding-left: 0; text-align: left; } tfoot td, tfoot th { border-bottom: 0; font-weight: 650; }
        .classes { min-width: min(100%, 640px); } .classes td { min-width: 4.6rem; } .classes tbody th { min-width: 6rem; }
        .confusion td { border: 2px solid var(--paper); min-width: 3.2rem; width: 5.2rem; text-align: center; } .confusion thead td { border: 0; } .confusion th { border: 0; } .confusion thead th { font-weight: 500; text-align: center; padding: .35rem .2rem; } .confusion thead th span { display: inline-block; max-width: 7rem; }
        .confusion .none { color: var(--faint); } .confusion .right { background: color-mix(in srgb, var(--blue) var(--d), var(--card)); font-weight: 650; } .confusion .wrong { background: color-mix(in srgb, var(--orange) var(--d), var(--card)); }
        .bar { background: linear-gradient(to right, color-mix(in srgb, var(--blue) 22%, var(--paper)) var(--p), transparent var(--p)) no-repeat; background-size: 100% 70%; background-position: 0 50%; }
        .gallery { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fill, minmax(min(100%, 215px), 1fr)); list-style: none; margin: .8rem 0 0; padding: 0; } .gallery.heat { grid-template-columns: repeat(auto-fill, minmax(min(100%, 250px), 1fr)); }
        .gallery > li { background: var(--card); border: 1px solid var(--line); border-radius: 10px; break-inside: avoid; padding: .8rem; } .gallery p { font-size: .93rem; margin: .35rem 0; } .gallery .name { color: var(--faint); font-size: .84rem; margin-top: .5rem; }
        .gallery img { aspect-ratio: auto; border-radius: 4px; display: block; height: auto; image-rendering: pixelated; margin: 0 auto; max-height: 220px; object-fit: contain; width: 100%; } .pair { display: grid; gap: .5rem; grid-template-columns: 1fr 1fr; }
        .gallery ul { list-style: none; margin: .5rem 0 0; padding: 0; } .guess { border-radius: 3px; display: flex; font-size: .86rem; gap: .6rem; justify-content: space-between; margin-top: .25rem; padding: .12rem .4rem; background: linear-gradient(to right, color-mix(in srgb, var(--c) 30%, var(--card)) var(--p), color-mix(in srgb, var(--c) 7%, var(--card)) var(--p)); }
        .guess.right { --c: var(--blue); font-weight: 650; } .guess.wrong { --c: var(--orange); } .guess span:last-child { font-variant-numeric: tabular-nums; white-space: nowrap; }
        dl { margin: .4rem 0; } section dl div { border-bottom: 1px solid var(--line); display: grid; gap: 0 1.2rem; grid-template-columns: minmax(9rem, 15rem) 1fr; padding: .35rem 0; } section dt { color: var(--faint); } section dd { margin: 0; }
        details { margin-top: .8rem; } summary { color: var(--blue); cursor: pointer; padding: .3rem 0; width: fit-content; } h3 { font-size: 1.05rem; margin: 1.4rem 0 .3rem; }
        @media (max-width: 480px) { table { font-size: .88rem; } .classes td { min-width: 0; } section dl div { grid-template-columns: 1fr; } th, td { padding: .35rem .45rem; } .gallery:not(.heat) { grid-template-columns: 1fr 1fr; } .gallery > li { padding: .55rem; } .tiles { grid-template-columns: 1fr 1fr; } }
        @media print { :root { --paper: #fff; --card: #fff; --ink: #000; --faint: #444; --line: #ccc; --blue: #0b62bd; --orange: #b8400b; --violet: #6527c9; } * { print-color-adjust: exact; } nav { display: none; } body { font-size: 11pt; max-width: none; padding: 0; }
          figure, tr, .tiles { break-inside: avoid; } h2, h3, figcaption { break-after: avoid; } .scroll { overflow: visible; } svg.map { max-width: 100%; } .gallery { grid-template-columns: repeat(4, 1fr); } }
        """;
}
