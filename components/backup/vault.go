package backup

import (
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/backup"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/ferg-cod3s/codeflow-infrastructure/components/key"
)

// told are the events that somebody is told of. The failure of a daily job comes
// only as BACKUP_JOB_COMPLETED, together with every success: the alarm on a
// missing backup tells of it instead.
// https://docs.aws.amazon.com/aws-backup/latest/devguide/backup-notifications.html
var told = []string{"COPY_JOB_FAILED", "RESTORE_JOB_COMPLETED"}

// vaults registers the vault of this region and, with Recovery, the one of the
// second region.
func (p *Plan) vaults(ctx *pulumi.Context, name, account string, args *Args) (home, copies *backup.Vault, err error) {
	home, err = p.vault(ctx, name, account, args, args.DailyDays)
	if err != nil {
		return nil, nil, err
	}
	if args.TopicARN != nil {
		if _, err := backup.NewVaultNotifications(ctx, name, &backup.VaultNotificationsArgs{
			BackupVaultName: home.Name, BackupVaultEvents: pulumi.ToStringArray(told), SnsTopicArn: args.TopicARN,
		}, pulumi.Parent(p)); err != nil {
			return nil, nil, fmt.Errorf("subscribing to the vault of backup %q: %w", name, err)
		}
	}
	if args.Recovery == nil {
		return home, nil, nil
	}
	copies, err = p.vault(ctx, name+"-recovery", account, args, args.MonthlyDays, pulumi.Provider(args.Recovery))
	return home, copies, err
}

// vault registers a vault that takes only what is kept for at least some days.
func (p *Plan) vault(
	ctx *pulumi.Context, name, account string, args *Args, least int, opts ...pulumi.ResourceOption,
) (*backup.Vault, error) {
	opts = append(opts, pulumi.Parent(p))
	created, err := key.New(ctx, name+"-key", &key.Args{Account: account, Description: "Backups " + name},
		append(opts, pulumi.RetainOnDelete(!args.ForceDestroy))...)
	if err != nil {
		return nil, err
	}
	vault, err := backup.NewVault(ctx, name, &backup.VaultArgs{
		Name: pulumi.String(args.Names.Vault()), KmsKeyArn: created.Arn, ForceDestroy: pulumi.Bool(args.ForceDestroy),
	}, opts...)
	if err != nil {
		return nil, fmt.Errorf("creating vault %q: %w", name, err)
	}
	// Without days to change it in, the lock is in governance mode.
	if _, err := backup.NewVaultLockConfiguration(ctx, name, &backup.VaultLockConfigurationArgs{
		BackupVaultName: vault.Name, MinRetentionDays: pulumi.Int(least), MaxRetentionDays: pulumi.Int(args.MonthlyDays),
	}, opts...); err != nil {
		return nil, fmt.Errorf("locking vault %q: %w", name, err)
	}
	return vault, nil
}
