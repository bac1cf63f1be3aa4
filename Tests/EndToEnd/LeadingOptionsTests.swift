import Support
import Testing

@testable import brake

@Suite struct LeadingOptionsTests {
  private func moved(_ arguments: String) -> String {
    let words = arguments.split(separator: " ").map(String.init)
    return LeadingOptions(for: words).moved(words).joined(separator: " ")
  }

  @Test(arguments: [
    ("--store s put f", "put --store s f"),
    ("--store=s put f", "put --store=s f"),
    ("-f x log", "log -f x"),
    ("-fx log", "log -fx"),
    ("--file x why fit", "why --file x fit"),
    ("-C d status", "status -C d"),
    ("-C d --store s -f x status --json", "status -C d --store s -f x --json"),
    ("--json --store s ls", "ls --json --store s"),
    ("-j4 run fit", "run -j4 fit"),
    ("-j 4 -nk run", "run -j 4 -nk"),
    ("-kj 4 run", "run -kj 4"),
    ("--force -o out get 12345678", "get --force -o out 12345678"),
    ("--skip 10 fit x.csv", "fit --skip 10 x.csv"),
    ("-h put", "put -h"),
    ("-C d remote add name /place", "remote add -C d name /place"),
    ("-C d remote", "remote -C d"),
    ("--store s remote --json", "remote --store s --json"),
    ("remote -C d remove name", "remote remove -C d name"),
    ("-C d remote --store s add name /place", "remote add -C d --store s name /place"),
    ("-C d doctor slurm --json", "doctor slurm -C d --json"),
    ("-C d help gc", "help gc"),
    ("-j4 help", "help"),
  ]) func `Options that a subcommand has may stand before it`(given: String, meant: String) {
    #expect(moved(given) == meant)
  }

  @Test(arguments: [
    "put --store s f", "run -f x log", "status", "", "-", "--", "-f", "-f log", "--store put", "-j4 fit",
    "-n log",
    "-f x fit", "-f x train log", "-- log", "-f x -- log", "-x log", "--nonsense log", "--json=1 log",
    "-nfx run", "-fx", "a=b -f x log",
    "remote add -C d name /place", "remote", "-j4 remote", "help gc", "--nonsense help gc",
  ]) func `What is no option of a subcommand, or stands elsewhere, stays`(given: String) {
    #expect(moved(given) == given)
  }

  @Test func `The binary takes them where people put them`() throws {
    let pipeline = WordPipeline()
    let folder = pipeline.folder
    _ = try folder.shell("mv brake.yaml words.yaml")
    #expect(try folder.brake("--store", "s", "put", "words.txt").out.hasSuffix("  words.txt\n"))
    #expect(folder.exists("s/format"))
    #expect(try folder.brake("-f", "words.yaml", "--store=s").out.hasPrefix("2 planned: 2 ran"))
    #expect(try folder.brake("-f", "words.yaml", "--store", "s", "log", "shout").out == "shouting \n")
    #expect(try folder.brake("-fwords.yaml", "--store", "s", "--json", "status").out.hasPrefix("["))
    _ = try folder.brake("--store", "s", "remote", "add", "place", "/nowhere")
    #expect(try folder.brake("--store", "s", "remote").out == "place  /nowhere\n")
    #expect(try folder.brake("-C", ".", "help", "gc").out.hasPrefix("OVERVIEW: Make room"))
    let elsewhere = TemporaryFolder()
    let status = try elsewhere.brake("-C", folder.path, "-f", "words.yaml", "--store", "s", "status")
    #expect(status.out.hasSuffix("2 stages, all up to date\n"))
    #expect(try folder.brake("-j4", "-f", "words.yaml", "--store", "s", "shout").out.hasPrefix("1 planned: "))
  }
}
