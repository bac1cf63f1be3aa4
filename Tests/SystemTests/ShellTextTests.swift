import Support
import System
import Testing

@Suite struct ShellTextTests {
  @Test(arguments: [
    ("fit[14M,1]", "'fit[14M,1]'"), ("n=2", "n=2"), ("results/a-b_c.json", "results/a-b_c.json"),
    ("user@host:5%+", "user@host:5%+"), ("", "''"), ("it's", "'it'\\''s'"), ("~", "'~'"), ("a b", "'a b'"),
    ("é", "'é'"), ("$HOME", "'$HOME'"), ("a\nb", "'a\nb'"),
  ])
  func `A word has quotes where a shell would read it otherwise`(_ text: String, _ word: String) {
    #expect(ShellText.word(text) == word)
  }
}
