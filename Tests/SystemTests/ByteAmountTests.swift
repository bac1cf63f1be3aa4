import Testing

@testable import System

@Suite struct ByteAmountTests {
  @Test func `Amounts are read as people write them, and as brake prints them`() {
    let amounts = [
      "1K": 1024, "512M": 512 << 20, "1.5G": 3 << 29, "1.5GiB": 3 << 29, "1T": 1 << 40,
      "1.5GB": 1_500_000_000,
      "800MB": 800_000_000, "2kB": 2000, "1TB": 1_000_000_000_000, "1024T": 1 << 50,
      "100k": 102_400, "100KB": 100_000, "100kb": 100_000, "2m": 2 << 20, "1giB": 1 << 30,
    ]
    for (text, bytes) in amounts { #expect(ByteAmount.bytes(text) == bytes, "\(text)") }
    #expect(ByteAmount.bytes("0GB", mayBeNone: true) == 0 && ByteAmount.bytes("0", mayBeNone: true) == nil)
    for text in [
      "", "1", "K", "0K", "0GB", "-1G", "1e3G", "0x10MB", "1.2.3G", ".5G", "1 G", "1GiBB", "1MBiB", "1025T",
      "٣G",
    ] {
      #expect(ByteAmount.bytes(text) == nil, "\(text)")
    }
  }
}
