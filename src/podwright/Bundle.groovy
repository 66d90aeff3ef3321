package podwright

/** The SHA-256 of the bundles; `make generate` renews it. */
class Bundle implements Serializable {
  static final String SUM = '81750e62dcdda59b4d2e638e8b06aae628a19d7d14a2c941eeb783f4834a275e'
  static final String JOBS_SUM = '340f4ec4c539ac50c367404a3c9ef671abe4db8c0a6660c3ddad3f4ffa5f5e6e'

  private static final long serialVersionUID = 1L
}
