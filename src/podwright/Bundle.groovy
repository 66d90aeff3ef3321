package podwright

/** The SHA-256 of the bundles; `make generate` renews it. */
class Bundle implements Serializable {
  static final String SUM = '7d42b9cecdc20e423ef8b0f1f490e68c5f1a8a21e60d52042f99a392dcb5c7c1'
  static final String JOBS_SUM = '340f4ec4c539ac50c367404a3c9ef671abe4db8c0a6660c3ddad3f4ffa5f5e6e'

  private static final long serialVersionUID = 1L
}
