import Report

extension BundlePage {
  static let style = """
    :root{--paper:\(Theme.paper.light);--ink:\(Theme.ink.light);--muted:\(Theme.muted.light);\
    --line:\(Theme.hairline.light);--link:#0b5c94;--warning:#b3530a;--shade:#f4f5f7;--edge:#c8ccd1}
    @media screen and (prefers-color-scheme:dark){:root{--paper:\(Theme.paper.dark);--ink:\(Theme.ink.dark);\
    --muted:\(Theme.muted.dark);--line:\(Theme.hairline.dark);--link:#7cc0f4;--warning:#ffab66;--shade:#1c2025;--edge:#4a5058}}
    *{box-sizing:border-box}
    html{font-size:17px;-webkit-text-size-adjust:100%;scroll-padding-top:1rem}
    body{margin:0;background:var(--paper);color:var(--ink);line-height:1.55;\
    font-family:Charter,"Bitstream Charter","Source Serif 4","Iowan Old Style",Georgia,"Liberation Serif",serif}
    main{max-width:60rem;margin:0 auto;padding:3rem 1.25rem 5rem}
    h1,h2,h3,h4,th,td,summary,figcaption,.note,.label,.name,dt{font-family:\(Theme.fontStack)}
    h1{font-size:1.9rem;line-height:1.2;font-weight:600;letter-spacing:-.01em;margin:0 0 1.5rem;overflow-wrap:anywhere}
    h2{font-size:1.2rem;font-weight:600;margin:3rem 0 .75rem;padding-bottom:.3rem;border-bottom:1px solid var(--line)}
    h3{font-size:1rem;font-weight:600;margin:2rem 0 .5rem}
    h4{font-size:.85rem;font-weight:600;margin:0 0 .4rem;overflow-wrap:anywhere}
    p,ul,dl{margin:.75rem 0}
    section>p{max-width:46rem}
    a{color:var(--link);text-decoration:none}
    a:hover{text-decoration:underline}
    code,pre,.digest{font-family:ui-monospace,"SF Mono",Menlo,Consolas,"Liberation Mono",monospace;font-size:.82em}
    code{overflow-wrap:anywhere}
    pre{background:var(--shade);padding:.6rem .8rem;margin:.3rem 0 .8rem;overflow-x:auto;white-space:pre;line-height:1.4}
    .note{font-size:.78rem;color:var(--muted)}
    .label{font-size:.74rem;color:var(--muted);margin:.6rem 0 .1rem}
    .caution{color:var(--warning)}
    .table,.drawing{overflow-x:auto;margin:1rem 0;max-height:44rem;overflow-y:auto}
    .drawing{border:1px solid var(--line);padding:.5rem}
    table{border-collapse:collapse;width:100%;font-size:.74rem;line-height:1.4;font-variant-numeric:tabular-nums}
    thead th{position:sticky;top:0;background:var(--paper);font-weight:600;border-bottom:1px solid var(--ink);text-align:left}
    tbody tr{border-bottom:1px solid var(--line)}
    th,td{padding:.35rem .9rem .35rem 0;text-align:left;vertical-align:top;white-space:nowrap}
    td.words{white-space:normal;min-width:6rem;overflow-wrap:break-word}td.words:first-child{min-width:11rem}
    td small{display:block;color:var(--muted)}
    .long{color:var(--muted);overflow-wrap:anywhere;white-space:normal}
    td.long{font-size:.66rem;min-width:17rem}
    :target{background:var(--shade);outline:2px solid var(--link);outline-offset:4px}tr:target{outline-offset:-2px}
    iframe{display:block;width:100%;height:min(80vh,52rem);border:1px solid var(--edge);background:var(--paper)}
    figure{margin:1.5rem 0}
    figure img{display:block;max-width:100%;height:auto}
    figcaption{font-size:.8rem;margin-top:.4rem}
    .action{border-left:3px solid var(--line);padding:.1rem 0 .1rem 1rem;margin:1rem 0}
    .action p{margin:.3rem 0}
    details.action{margin:.45rem 0}details.action>summary{font-size:.85rem;font-weight:600;cursor:pointer}details.action>summary .note{font-weight:400}
    summary{cursor:pointer}
    ul.pairs{list-style:none;margin:.1rem 0 .5rem;padding:0;font-size:.82rem;columns:2 22rem;column-gap:2rem}
    ul.pairs li{margin:.1rem 0;break-inside:avoid;overflow-wrap:anywhere}
    .name{font-size:.74rem;font-weight:600;margin-right:.3rem}
    dl.numbers{font-size:.8rem}
    dl.numbers dt{font-weight:600;margin-top:.8rem;overflow-wrap:anywhere}
    dl.numbers dd{margin:.1rem 0 0;max-height:9rem;overflow-y:auto}
    svg.graph{display:block;max-width:100%;height:auto}
    svg.graph text{font:12.5px \(Theme.fontStack);fill:var(--ink);text-anchor:middle}
    svg.graph text.detail{font-size:10px;fill:var(--muted)}
    svg.graph rect{fill:var(--paper);stroke:var(--edge);stroke-width:1.2}
    svg.graph .file rect,svg.graph .artefact rect{fill:var(--shade);stroke:none}
    svg.graph .operation rect,svg.graph .command rect{stroke:var(--link)}
    svg.graph .ways path{fill:none;stroke:var(--edge);stroke-width:1.2}
    svg.graph a:hover rect{stroke-width:2.4}
    @media (max-width:40rem){html{font-size:16px}main{padding-top:1.5rem}iframe{height:min(70vh,40rem)}}
    @media print{html{font-size:10pt}main{max-width:none;padding:0}.table,.drawing{overflow:visible;max-height:none}\
    iframe{display:none}a{color:inherit}}
    """
}
