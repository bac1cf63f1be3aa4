import JSON
import Pipeline
import PlanSupport
import Testing

@Suite struct GraphTests {
  @Test func `A plan is drawn in Mermaid, sources in a shape of their own`() throws {
    let plan = try plan(
      """
      stages:
        t: { run: x, in: { i: "a \\"b\\".txt" }, out: { o: o } }
        fit: { for: { k: [1, 2] }, op: curve.fit, in: { curve: t } }
      """)
    #expect(
      plan.mermaid() == """
        flowchart LR
          n0(["t"])
          n1[/"a #34;b#34;.txt"/]
          n2["fit[1]<br/><small>curve.fit</small>"]
          n3["fit[2]<br/><small>curve.fit</small>"]
          n1 --> n0
          n0 -->|"o"| n2
          n0 -->|"o"| n3

        """)
    #expect(plan.dot().contains("n1 [label=\"a \\\"b\\\".txt\", shape=note];"))
    #expect(plan.dot().contains("n0 -> n2 [label=\"o\"];"))
    #expect(
      plan.json()["edges"]?.array?.first == ["from": "./a \"b\".txt", "to": "t", "output": ""])
    #expect(try plan.selection(["t"]).mermaid().contains("fit") == false)
  }

  @Test func `Many instances are drawn as one node a stage`() throws {
    let plan = try plan(
      """
      stages:
        a: { for: { k: 1..100 }, run: x, out: { o: o } }
        b: { for: { k: 1..100 }, run: x, in: { i: "a[${k}]" }, out: { o: o } }
        c: { op: curve.compare, in: { fits: b } }
      """)
    #expect(
      plan.mermaid() == """
        flowchart LR
          n0(["a<br/><small>100 instances</small>"])
          n1(["b<br/><small>100 instances</small>"])
          n2["c<br/><small>curve.compare</small>"]
          n0 -->|"o"| n1
          n1 -->|"o"| n2

        """)
  }

  @Test func `Waiting stages hang on what they wait for`() throws {
    let plan = try plan(PlanFanOutTests.imported)
    let text = plan.dot()
    #expect(text.contains("[label=\"fit\\nonce import.curves is known\", shape=box, style=dashed];"))
    #expect(text.contains("n1 -> n0;"))
    let edges = plan.json()["edges"]?.array ?? []
    #expect(edges.contains(["from": "import", "to": "fit", "output": "curves"]))
    #expect(edges.contains(["from": "fit", "to": "table", "output": ""]))
  }
}
