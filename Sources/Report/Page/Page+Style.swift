extension Page {
  static let style = """
    :root{--paper:\(Theme.paper.light);--ink:\(Theme.ink.light);--muted:\(Theme.muted.light);\
    --line:\(Theme.hairline.light);--link:#0b5c94;--warning:#b3530a;--shade:#f6f7f8;--edge:#c8ccd1}
    @media screen and (prefers-color-scheme:dark){:root{--paper:\(Theme.paper.dark);--ink:\(Theme.ink.dark);\
    --muted:\(Theme.muted.dark);--line:\(Theme.hairline.dark);--link:#7cc0f4;--warning:#ffab66;--shade:#1c2025;--edge:#4a5058}}
    \(Theme.figureStyle)
    *{box-sizing:border-box}
    html{font-size:17px;-webkit-text-size-adjust:100%}
    body{margin:0;background:var(--paper);color:var(--ink);line-height:1.55;\
    font-family:Charter,"Bitstream Charter","Source Serif 4","Iowan Old Style",Georgia,"Liberation Serif",serif;\
    font-variant-numeric:lining-nums}
    main{max-width:56rem;margin:0 auto;padding:3rem 1.25rem 5rem}
    h1,h2,th,td,figcaption,.note,dt{font-family:\(Theme.fontStack)}
    h1{font-size:1.9rem;line-height:1.2;font-weight:600;letter-spacing:-.01em;margin:0 0 1.5rem}
    h2{font-size:1.15rem;font-weight:600;margin:3rem 0 .75rem;padding-bottom:.3rem;border-bottom:1px solid var(--line)}
    p,ul,ol,dl{margin:.75rem 0}
    li{margin:.5rem 0}
    section>p,section>ul,section>dl,section>ol{max-width:44rem}
    a{color:var(--link);text-decoration:none}
    a:hover{text-decoration:underline}
    code,.digest{font-family:ui-monospace,"SF Mono",Menlo,Consolas,"Liberation Mono",monospace;font-size:.82em}
    code.long{overflow-wrap:anywhere;color:var(--muted)}
    data,.unit{white-space:nowrap}
    .note{font-size:.78rem;color:var(--muted);line-height:1.5}
    p.note{max-width:none}
    .caution{color:var(--warning)}
    .warning{border-left:3px solid var(--warning);background:var(--shade);padding:.7rem 1rem}
    .formula{text-align:center;font-size:1.05rem;margin:1.1rem 0;overflow-x:auto}
    .table{overflow-x:auto;margin:1rem 0}
    .table,.drawing{background:linear-gradient(90deg,var(--paper) 30%,transparent) 0 0/2.5rem 100% no-repeat local,\
    linear-gradient(270deg,var(--paper) 30%,transparent) calc(100% + 1px) 0/2.5rem 100% no-repeat local,\
    linear-gradient(90deg,var(--edge),transparent) 0 0/.8rem 100% no-repeat scroll,\
    linear-gradient(270deg,var(--edge),transparent) 100% 0/.8rem 100% no-repeat scroll}
    .drawing{overflow-x:auto}
    table{border-collapse:collapse;width:100%;font-size:.74rem;line-height:1.35;font-variant-numeric:tabular-nums lining-nums}
    thead th{font-weight:600;border-top:1.5px solid var(--ink);border-bottom:1px solid var(--ink);vertical-align:bottom}
    tbody:last-child{border-bottom:1.5px solid var(--ink)}
    tbody+tbody{border-top:1px solid var(--line)}
    th,td{padding:.4rem .45rem;text-align:right;vertical-align:top;white-space:nowrap;font-weight:400}
    thead th{white-space:normal}
    tbody th{font-weight:600}
    th:first-child,.words{text-align:left}
    th:first-child{padding-left:0}
    th small{display:block;font-weight:400;margin-left:.95rem}
    sub,sup{line-height:0}
    th:last-child,td:last-child{padding-right:0}
    td small{display:block;color:var(--muted);font-size:.86em}
    tr.used td{font-weight:600}
    .swatch{margin-right:.35rem;vertical-align:-.03rem}
    figure{margin:2rem 0 2.5rem;break-inside:avoid}
    figure svg{display:block;width:100%;height:auto;max-width:50rem;margin:0 auto}
    figcaption{font-size:.82rem;line-height:1.5;margin-top:.6rem}
    dt{font-weight:600;font-size:.85rem;margin-top:1rem}
    dd{margin:.15rem 0 0;font-size:.92rem}
    .sources,.artefacts{font-size:.88rem}
    .artefacts{list-style:none;padding:0;max-width:none}
    @media (max-width:40rem){html{font-size:16px}main{padding-top:1.5rem}figure svg{width:40rem}}
    @media print{html{font-size:10pt}main{max-width:none;padding:0}h2{break-after:avoid}tr,li,.warning{break-inside:avoid}\
    a{color:inherit}.table{overflow:visible}table{font-size:7pt}th,td{padding:.25rem .2rem}}
    """
}
