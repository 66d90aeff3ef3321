package podwright

/** The SHA-256 of the bundles; `make generate` renews it. */
class Bundle implements Serializable {
  static final String SUM = '61c2f1c94176da7dd49a1ad8e9fc8c0a096f8c55de788bf9e21905c36913fdfb'
  static final String JOBS_SUM = '340f4ec4c539ac50c367404a3c9ef671abe4db8c0a6660c3ddad3f4ffa5f5e6e'

  private static final long serialVersionUID = 1L
}
