package podwright

/** The SHA-256 of the bundles; `make generate` renews it. */
class Bundle implements Serializable {
  static final String SUM = '325ddf186009e62255564705905fd3e4b30a5001d22d2120def6efd4486dcac7'
  static final String JOBS_SUM = '340f4ec4c539ac50c367404a3c9ef671abe4db8c0a6660c3ddad3f4ffa5f5e6e'

  private static final long serialVersionUID = 1L
}
